@echo off
rem Builds and starts the host on SQLite, for development, reachable from this machine only, and a demo fleet of real clients in it.
rem   run [--no-fleet]     the port is 5080 unless PORT says otherwise; Ctrl+C ends both
setlocal
cd /d "%~dp0"
if "%PORT%"=="" set PORT=5080
if not exist artifacts mkdir artifacts
dotnet build benchmarks\Fleet\Fleet.csproj --nologo -v quiet || exit /b 1
set ASPNETCORE_ENVIRONMENT=Development
set ASPNETCORE_URLS=http://127.0.0.1:%PORT%
set Storage__Provider=Sqlite
set ConnectionStrings__Default=Data Source=%CD%\artifacts\mlsconsole.db
rem It waits for the host, and Ctrl+C reaches it too: both have this console.
if not "%1"=="--no-fleet" start "fleet" /b cmd /c "dotnet benchmarks\Fleet\bin\Debug\net10.0\MlsConsole.Fleet.dll demo --url http://127.0.0.1:%PORT% --keep artifacts\mlsconsole.fleet > artifacts\mlsconsole.fleet.log 2>&1"
echo.
echo   The console:        http://127.0.0.1:%PORT%/
if not "%1"=="--no-fleet" echo   The demo fleet:     twenty devices chat, lose their state and rejoin; they say how it goes in artifacts\mlsconsole.fleet.log
echo   The first request:  in a second terminal (Node 20 or later), a device is lost and rejoins its group:
echo.
echo       cd tests\e2e\ts ^&^& npm ci ^&^& node cli.mjs rejoin --url http://127.0.0.1:%PORT%
echo.
cd src\Host
dotnet bin\Debug\net10.0\MlsConsole.Host.dll

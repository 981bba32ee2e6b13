@echo off
rem Builds and starts the host on SQLite, for development, and a demo fleet of real clients that use it. The host can
rem be reached from this machine only.
rem   run [--no-fleet]
rem The port is 5080 unless the environment variable PORT says otherwise. Ctrl+C ends both.
setlocal
cd /d "%~dp0"
if "%PORT%"=="" set PORT=5080
set CONNECT=try { (New-Object Net.Sockets.TcpClient).Connect('127.0.0.1', %PORT%); exit 0 } catch { exit 1 }
powershell -NoProfile -Command "%CONNECT%" && (
  echo run cannot start: another program listens on port %PORT%; choose another port with PORT. 1>&2
  exit /b 1
)
if not exist artifacts mkdir artifacts
dotnet build benchmarks\Fleet\Fleet.csproj --nologo -v quiet || exit /b 1
set ASPNETCORE_ENVIRONMENT=Development
set ASPNETCORE_URLS=http://127.0.0.1:%PORT%
set Storage__Provider=Sqlite
set ConnectionStrings__Default=Data Source=%CD%\artifacts\mlsconsole.db
rem The fleet waits for the host. Ctrl+C reaches the fleet and the host, because both belong to this console.
set FLEET=dotnet benchmarks\Fleet\bin\Debug\net10.0\MlsConsole.Fleet.dll
set DEMO=demo --url http://127.0.0.1:%PORT% --keep artifacts\mlsconsole.fleet
if not "%1"=="--no-fleet" start "fleet" /b cmd /c "%FLEET% %DEMO% > artifacts\mlsconsole.fleet.log 2>&1"
echo.
echo   The console:        http://127.0.0.1:%PORT%/
set SAYS=twenty devices chat, lose their state and rejoin; they say how it goes in artifacts\mlsconsole.fleet.log
if not "%1"=="--no-fleet" echo   The demo fleet:     %SAYS%
echo   The first request:  in a second terminal (Node 20 or later), a device is lost and rejoins its group:
echo.
echo       cd tests\e2e\ts ^&^& npm ci ^&^& node cli.mjs rejoin --url http://127.0.0.1:%PORT%
echo.
cd src\Host
dotnet bin\Debug\net10.0\MlsConsole.Host.dll

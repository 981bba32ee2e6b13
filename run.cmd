@echo off
rem Builds and starts the host on SQLite, for development, reachable from this machine only.
setlocal
cd /d "%~dp0"
if "%PORT%"=="" set PORT=5080
if not exist artifacts mkdir artifacts
dotnet build src\Host\Host.csproj --nologo -v quiet || exit /b 1
set ASPNETCORE_ENVIRONMENT=Development
set ASPNETCORE_URLS=http://127.0.0.1:%PORT%
set Storage__Provider=Sqlite
set ConnectionStrings__Default=Data Source=%CD%\artifacts\mlsconsole.db
echo.
echo   The console:        http://127.0.0.1:%PORT%/
echo   The first request:  in a second terminal (Node 20 or later), a device is lost and rejoins its group:
echo.
echo       cd tests\e2e\ts ^&^& npm ci ^&^& node cli.mjs rejoin --url http://127.0.0.1:%PORT%
echo.
dotnet run --project src\Host\Host.csproj --no-build --no-launch-profile

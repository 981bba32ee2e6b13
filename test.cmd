@echo off
rem Runs ./test with the bash that comes with Git for Windows.
setlocal
cd /d "%~dp0"
for %%G in (git.exe) do set "GIT=%%~$PATH:G"
if "%GIT%"=="" (
  echo Git for Windows is needed: its bash runs ./test
  echo 0 passed, 1 failed, 0 skipped
  exit /b 1
)
for %%D in ("%GIT%\..\..") do set "GITROOT=%%~fD"
"%GITROOT%\bin\bash.exe" ./test %*
exit /b %ERRORLEVEL%

@echo off
rem SPDX-License-Identifier: Apache-2.0
rem
rem The command line of Xent on Windows; `xent --help` says what it can do. Builds it first if it has not been built.
rem XENT_JAVA_OPTIONS is passed to the JVM.
setlocal
set "target=%~dp0java\xent-cli\target"
set "jar=%target%\xent-cli.jar"
set "log=%target%\launcher-build.log"
set "java=java"
if defined JAVA_HOME if exist "%JAVA_HOME%\bin\java.exe" set "java=%JAVA_HOME%\bin\java"
set version=0
for /f "tokens=2 delims=.- " %%v in ('"%java%" --version 2^>nul') do if %%v geq 25 set version=%%v
if %version%==0 (
  echo xent: needs JDK 25 or newer, and %java% is not; set JAVA_HOME, or add its folder bin to the PATH>&2
  exit /b 2
)
if not exist "%jar%" (
  where mvn >nul 2>nul || (
    echo xent: the build needs Maven; install it from https://maven.apache.org and add its folder bin to the PATH>&2
    exit /b 2
  )
  echo xent: building it first, which takes a minute or two ^(log: %log%^)>&2
  if not exist "%target%" mkdir "%target%"
  pushd "%~dp0"
  call mvn -B -ntp -DskipTests -Dmaven.test.skip -pl java/xent-cli -am package >"%log%" 2>&1
  popd
)
if not exist "%jar%" (
  findstr /b /c:"[ERROR]" "%log%">&2
  echo xent: the build failed; the whole log is %log%>&2
  exit /b 2
)
"%java%" %XENT_JAVA_OPTIONS% -jar "%jar%" %*

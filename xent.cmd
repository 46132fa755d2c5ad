@echo off
rem SPDX-License-Identifier: Apache-2.0
rem
rem The command line of Xent on Windows; `xent --help` says what it can do. Builds it first where it has not been built.
rem XENT_JAVA_OPTIONS is given to the JVM.
setlocal
set "target=%~dp0java\xent-cli\target"
set "jar=%target%\xent-cli.jar"
set "log=%target%\launcher-build.log"
set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java"
set version=0
for /f "tokens=2 delims=.- " %%v in ('"%java%" --version 2^>nul') do if %%v geq 25 set version=%%v
if %version%==0 (
  echo xent: %java% is no JDK 25 or newer; set JAVA_HOME to one, or put its folder bin on the PATH>&2
  exit /b 2
)
if not exist "%jar%" (
  echo xent: building it first, which takes a minute or two ^(log: %log%^)>&2
  if not exist "%target%" mkdir "%target%"
  pushd "%~dp0"
  call mvn -B -DskipTests -Dmaven.test.skip -pl java/xent-cli -am package >"%log%" 2>&1
  popd
)
if not exist "%jar%" (
  findstr /b /c:"[ERROR]" "%log%">&2
  echo xent: the build failed; Maven must be on the PATH, and the whole log is %log%>&2
  exit /b 2
)
"%java%" --enable-native-access=ALL-UNNAMED %XENT_JAVA_OPTIONS% -jar "%jar%" %*

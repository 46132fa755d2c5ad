// SPDX-License-Identifier: Apache-2.0
// The same project for Gradle 9.1 or newer: with JDK 25, `gradle run`, after `mvn install` of Xent.
plugins { application }

repositories {
    mavenLocal { content { includeGroup("dev.xent") } }  // until Xent is on Maven Central
    mavenCentral()
}

dependencies { implementation("dev.xent:xent:0.1.0-SNAPSHOT") }

java { toolchain { languageVersion = JavaLanguageVersion.of(25) } }

application {
    mainClass = "Example"
    applicationDefaultJvmArgs = listOf("--enable-native-access=ALL-UNNAMED")
}

tasks.withType<Test> { jvmArgs("--enable-native-access=ALL-UNNAMED") }

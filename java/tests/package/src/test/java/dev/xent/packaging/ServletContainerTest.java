// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A web application that brings Xent, deployed again and again in a Tomcat whose threads live on:
 * nothing of one that was taken away is left.
 */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class ServletContainerTest {
  private static final int COUNT = 10;

  private static final String WEB_XML =
      """
      <web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.1" metadata-complete="true">
        <servlet>
          <servlet-name>deployed</servlet-name>
          <servlet-class>dev.xent.packaging.DeployedServlet</servlet-class>
        </servlet>
        <servlet-mapping>
          <servlet-name>deployed</servlet-name>
          <url-pattern>/</url-pattern>
        </servlet-mapping>
      </web-app>
      """;

  @TempDir private Path folder;

  /** Unpacked, as Tomcat unpacks a war: from a jar in a jar it would inflate all for each class. */
  private Path application() throws IOException {
    Path application = folder.resolve("application");
    Path inside = Files.createDirectories(application.resolve("WEB-INF"));
    Files.writeString(inside.resolve("web.xml"), WEB_XML);
    Files.createDirectory(inside.resolve("lib"));
    Files.copy(Package.JAR, inside.resolve("lib/xent.jar"));
    Path classes = Files.createDirectories(inside.resolve("classes/dev/xent/packaging"));
    for (Class<?> each : List.of(Deployed.class, DeployedServlet.class)) {
      String file = each.getSimpleName() + ".class";
      try (var bytes = each.getResourceAsStream(file)) {
        Files.copy(bytes, classes.resolve(file));
      }
    }
    return application;
  }

  private static long libraries() throws IOException {
    try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
      return lines.filter(line -> line.contains("libxent.so") && line.contains("r-xp")).count();
    }
  }

  @Test
  void nothingOfAnApplicationIsLeftWhenItIsGone() throws Exception {
    Path application = application();
    List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(folder.resolve("tomcat").toString());
    tomcat.setPort(0);
    tomcat.getConnector();
    tomcat.start();
    try {
      for (int i = 0; i < COUNT; i++) {
        loaders.add(new WeakReference<>(deployAndUndeploy(tomcat, application)));
      }
      for (int i = 0; i < 50 && (left(loaders) > 0 || libraries() > 0); i++) {
        System.gc();
        Thread.sleep(100);
      }
      assertThat(left(loaders)).as("class loaders left of %d", COUNT).isZero();
      assertThat(libraries()).as("libraries mapped").isZero();
    } finally {
      tomcat.stop();
      tomcat.destroy();
    }
  }

  private static long left(List<WeakReference<ClassLoader>> loaders) {
    return loaders.stream().filter(loader -> loader.get() != null).count();
  }

  private static ClassLoader deployAndUndeploy(Tomcat tomcat, Path application) throws Exception {
    Context context = tomcat.addWebapp("/application", application.toString());
    ClassLoader loader = context.getLoader().getClassLoader();
    assertThat(loader.loadClass("dev.xent.XentRuntime").getClassLoader()).isSameAs(loader);
    try (HttpClient client = HttpClient.newHttpClient()) {
      int port = tomcat.getConnector().getLocalPort();
      URI address = URI.create("http://localhost:%d/application/".formatted(port));
      var response = client.send(HttpRequest.newBuilder(address).build(), BodyHandlers.ofString());
      assertThat(response.body()).isEqualTo("computed");
    }
    assertThat(libraries()).isPositive();
    context.stop();
    tomcat.getHost().removeChild(context);
    context.destroy();
    return loader;
  }
}

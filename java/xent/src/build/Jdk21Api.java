// SPDX-License-Identifier: Apache-2.0

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.lang.classfile.attribute.RuntimeInvisibleAnnotationsAttribute;
import java.lang.invoke.MethodType;
import java.util.zip.ZipFile;

/**
 * Writes what javac knows of JDK 21's java.lang.foreign, without the marks of a preview API and
 * without methods that this JDK does not have, for javac --release 21 --patch-module java.base=DIR.
 * So allocate(JAVA_FLOAT, 3) is an error: one float of value 3 on JDK 21, three floats from 22 on.
 *
 * <p>java Jdk21Api.java DIR
 */
void main(String[] args) throws IOException {
  Path directory = Path.of(args[0]);
  ClassTransform unmarked =
      ClassTransform.dropping(e -> e instanceof RuntimeInvisibleAnnotationsAttribute)
          .andThen(
              ClassTransform.transformingMethods(
                  MethodTransform.dropping(e -> e instanceof RuntimeInvisibleAnnotationsAttribute)));
  try (ZipFile symbols = new ZipFile(Path.of(System.getProperty("java.home"), "lib", "ct.sym").toFile())) {
    for (var entry : Collections.list(symbols.entries())) {
      String[] path = entry.getName().split("/", 3); // releases, one letter each; module; class
      if (path.length == 3 && path[0].contains("L") && isOfMemory(path[1] + "/" + path[2])) {
        byte[] marked = symbols.getInputStream(entry).readAllBytes();
        ClassFile format = ClassFile.of();
        Path to = directory.resolve(path[2].replace(".sig", ".class"));
        Files.createDirectories(to.getParent());
        ClassModel model = format.parse(marked);
        ClassTransform common = ClassTransform.dropping(e -> e instanceof MethodModel m && !isHere(model, m));
        Files.write(to, format.transformClass(model, common.andThen(unmarked)));
      }
    }
  }
}

/** Whether this JDK has the method, by the same name and with the same types. */
boolean isHere(ClassModel in, MethodModel method) {
  String name = method.methodName().stringValue();
  try {
    Class<?> type = Class.forName(in.thisClass().asInternalName().replace('/', '.'));
    MethodType own = MethodType.fromMethodDescriptorString(method.methodType().stringValue(), null);
    return name.startsWith("<")
        || Stream.concat(Stream.of(type.getMethods()), Stream.of(type.getDeclaredMethods()))
            .anyMatch(
                m ->
                    m.getName().equals(name)
                        && own.equals(MethodType.methodType(m.getReturnType(), m.getParameterTypes())));
  } catch (ClassNotFoundException e) {
    return false;
  }
}

boolean isOfMemory(String name) {
  return name.startsWith("java.base/java/lang/foreign/") && name.endsWith(".sig")
      || name.equals("java.base/java/nio/channels/FileChannel.sig");
}

// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Sessions that share two threads, with everything sent by Kryo that can be, and rows for them. */
final class Spark {
  private static final Path TARGET = Path.of(System.getProperty("basedir"), "target");

  static final StructType ROWS =
      new StructType()
          .add("id", DataTypes.LongType)
          .add("logits", DataTypes.createArrayType(DataTypes.FloatType))
          .add("label", DataTypes.IntegerType);

  private Spark() {}

  /** Each thread that runs tests has its own settings and views. */
  private static final ThreadLocal<SparkSession> SESSIONS =
      ThreadLocal.withInitial(
          () -> {
            SparkSession session = first().newSession();
            SparkSession.setActiveSession(session);
            return session;
          });

  static SparkSession session() {
    return SESSIONS.get();
  }

  private static SparkSession first() {
    return SparkSession.builder()
        .master("local[2]")
        .config("spark.sql.extensions", XentExtensions.class.getName())
        .config("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
        .config("spark.sql.shuffle.partitions", 3)
        .config("spark.sql.warehouse.dir", TARGET.resolve("warehouse").toString())
        .config("spark.local.dir", TARGET.resolve("local").toString())
        .config("spark.sql.parquet.compression.codec", "uncompressed")
        .config("spark.ui.enabled", false)
        .config("spark.driver.host", "localhost")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate();
  }

  /** Rows with logits from -8 to 8, the same ones each time. */
  static float[][] logits(int rows, int classes) {
    Random random = new Random(20260101);
    float[][] logits = new float[rows][classes];
    for (float[] row : logits) {
      for (int k = 0; k < classes; k++) {
        row[k] = 16 * random.nextFloat() - 8;
      }
    }
    return logits;
  }

  /** The label of a row. */
  static int label(int row, int classes) {
    return 7 * row % classes;
  }

  /** A dataset of these rows, with ids and labels. */
  static Dataset<Row> rows(float[][] logits) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < logits.length; i++) {
      rows.add(RowFactory.create((long) i, logits[i], label(i, logits[i].length)));
    }
    return session().createDataFrame(rows, ROWS);
  }

  /** A file of the examples of the documentation. */
  static Path example(String name) {
    return Path.of(System.getProperty("basedir"), "../../docs/example", name);
  }

  /** What a column of floats has, as numbers. */
  static float[] floats(Row row, int column) {
    List<Float> list = row.getList(column);
    float[] floats = new float[list.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = list.get(i);
    }
    return floats;
  }
}

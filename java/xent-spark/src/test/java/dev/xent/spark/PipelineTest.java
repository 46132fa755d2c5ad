// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import dev.xent.Tensor;
import dev.xent.calibration.Calibration;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.classification.LogisticRegression;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.CrossValidatorModel;
import org.apache.spark.ml.tuning.ParamGridBuilder;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The stages of spark.ml, in pipelines that are fitted, saved, loaded and validated. */
class PipelineTest {
  private static final int ROWS = 90;

  @TempDir private Path folder;

  /** Three classes of points that overlap. */
  private static Dataset<Row> points() {
    Random random = new Random(3);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      Vector point = Vectors.dense(random.nextGaussian() + i % 3, random.nextGaussian() - i % 3, 1);
      rows.add(RowFactory.create((double) (i % 3), 1.0 + i % 2, point));
    }
    return Spark.session()
        .createDataFrame(
            rows,
            new StructType()
                .add("label", DataTypes.DoubleType)
                .add("weight", DataTypes.DoubleType)
                .add("features", SQLDataTypes.VectorType()));
  }

  private static LogisticRegression classifier() {
    return new LogisticRegression()
        .setFamily("multinomial")
        .setMaxIter(10)
        .setProbabilityCol("spark_probability")
        .setPredictionCol("spark_prediction");
  }

  private static Pipeline pipeline() {
    LogisticRegression classifier = classifier();
    // @start region="pipeline" :
    Pipeline pipeline =
        new Pipeline().setStages(new PipelineStage[] {classifier, new SoftmaxTransformer()});
    // @end
    return pipeline;
  }

  private static CrossEntropyEvaluator evaluator() {
    return new CrossEntropyEvaluator();
  }

  /** The temperature and the metrics have the bits of a local computation, for any partitions. */
  @Test
  void calibration() throws Exception {
    Dataset<Row> held = points();
    var classifier = classifier().fit(points());
    // @start region="temperatureScaling" :
    SoftmaxTransformer calibrated = new TemperatureScaling().fit(classifier.transform(held));
    double temperature = (double) calibrated.getOrDefault(calibrated.temperature());
    // @end
    Dataset<Row> scored = classifier.transform(held);
    List<Row> rows = scored.select("rawPrediction", "label").collectAsList();
    double[] logits =
        rows.stream()
            .flatMapToDouble(row -> Arrays.stream(((Vector) row.get(0)).toArray()))
            .toArray();
    long[] labels = rows.stream().mapToLong(row -> (long) row.getDouble(1)).toArray();
    Tensor x = Tensor.of(logits, ROWS, 3);
    assertThat(temperature)
        .isEqualTo(dev.xent.calibration.TemperatureScaling.fit(x, Tensor.of(labels)));
    Calibration expected = Calibration.ofClasses().add(x, Tensor.of(labels));
    for (int partitions : new int[] {1, 2, 7, 64}) {
      Dataset<Row> divided = scored.repartition(partitions);
      SoftmaxTransformer again = new TemperatureScaling().fit(divided);
      assertThat(again.getOrDefault(again.temperature())).isEqualTo(temperature);
      assertThat(evaluator().setMetricName("brier").evaluate(divided)).isEqualTo(expected.brier());
      assertThat(evaluator().setMetricName("expectedCalibrationError").evaluate(divided))
          .isEqualTo(expected.expectedError());
    }
    String path = folder.resolve("scaling").toString();
    new TemperatureScaling().setLabelCol("label").save(path);
    TemperatureScaling loaded = TemperatureScaling.load(path);
    assertThat(loaded.getOrDefault(loaded.labelCol())).isEqualTo("label");
    assertThatThrownBy(
            () -> evaluator().setWeightCol("weight").setMetricName("brier").evaluate(scored))
        .hasMessageContaining("weightCol is weight");
  }

  @Test
  void aPipelineIsSavedAndLoaded() throws Exception {
    Dataset<Row> points = points();
    String path = folder.resolve("model").toString();
    PipelineModel fitted = pipeline().fit(points);
    fitted.save(path);
    Dataset<Row> results = PipelineModel.load(path).transform(points);
    List<Row> rows =
        results
            .select("probability", "spark_probability", "prediction", "spark_prediction")
            .collectAsList();
    assertThat(rows).hasSize(ROWS);
    for (Row row : rows) {
      double[] actual = row.<Vector>getAs(0).toArray();
      double[] expected = row.<Vector>getAs(1).toArray();
      for (int k = 0; k < 3; k++) {
        assertThat(actual[k]).isCloseTo(expected[k], offset(1e-14));
      }
      assertThat(row.getDouble(2)).isEqualTo(row.getDouble(3));
    }
    assertThat(fitted.transformSchema(points.schema()).fieldNames())
        .containsExactlyInAnyOrder(results.columns());
    double sparks =
        new MulticlassClassificationEvaluator().setMetricName("logLoss").evaluate(results);
    assertThat(evaluator().evaluate(results)).isCloseTo(sparks, offset(1e-13));
    assertThat(evaluator().evaluate(results.repartition(7)))
        .isEqualTo(evaluator().evaluate(results));
  }

  @Test
  void everyMetric() {
    Dataset<Row> results = pipeline().fit(points()).transform(points());
    Row loss =
        results
            .agg(
                XentFunctions.loss(col("rawPrediction"), col("label").cast("int")).as("l"),
                XentFunctions.loss(
                        col("rawPrediction"), col("label").cast("int"), col("weight"), null)
                    .as("w"))
            .select("l.*", "w.mean")
            .first();
    CrossEntropyEvaluator evaluator = evaluator();
    assertThat(evaluator.evaluate(results)).isEqualTo(loss.getDouble(0));
    assertThat(evaluator.isLargerBetter()).isFalse();
    assertThat(evaluator.setMetricName("perplexity").evaluate(results))
        .isEqualTo(loss.<Double>getAs("perplexity"));
    assertThat(evaluator.setMetricName("accuracy").evaluate(results))
        .isEqualTo(loss.<Double>getAs("accuracy"));
    assertThat(evaluator.isLargerBetter()).isTrue();
    assertThat(evaluator.setMetricName("crossEntropy").setWeightCol("weight").evaluate(results))
        .isEqualTo(loss.getDouble(loss.length() - 1));
    assertThat(evaluator.evaluate(results.limit(0))).isNaN();
  }

  @Test
  void aCrossValidatorChoosesByTheLoss() throws Exception {
    LogisticRegression classifier = classifier();
    Pipeline pipeline =
        new Pipeline().setStages(new PipelineStage[] {classifier, new SoftmaxTransformer()});
    ParamMap[] grid =
        new ParamGridBuilder().addGrid(classifier.regParam(), new double[] {100, 0.01}).build();
    CrossValidatorModel model =
        new CrossValidator()
            .setEstimator(pipeline)
            .setEvaluator(evaluator())
            .setEstimatorParamMaps(grid)
            .setNumFolds(2)
            .setSeed(1)
            .fit(points());
    assertThat(model.avgMetrics()[1]).isLessThan(model.avgMetrics()[0]).isPositive();
    String path = folder.resolve("validator").toString();
    model.save(path);
    CrossValidatorModel loaded = CrossValidatorModel.load(path);
    assertThat(loaded.avgMetrics()).isEqualTo(model.avgMetrics());
    assertThat(((CrossEntropyEvaluator) loaded.getEvaluator()).extractParamMap())
        .hasToString(model.getEvaluator().extractParamMap().toString());
  }

  @Test
  void parametersAreSavedAndCopied() throws Exception {
    SoftmaxTransformer stage =
        new SoftmaxTransformer()
            .setRawPredictionCol("x")
            .setProbabilityCol("p")
            .setPredictionCol("")
            .setTemperature(2);
    String path = folder.resolve("stage").toString();
    stage.save(path);
    SoftmaxTransformer loaded = SoftmaxTransformer.load(path);
    assertThat(loaded.uid()).isEqualTo(stage.uid());
    assertThat(loaded.extractParamMap()).hasToString(stage.extractParamMap().toString());
    ParamMap colder = new ParamMap().put(stage.temperature(), 3.0);
    assertThat(stage.copy(colder).getOrDefault(stage.temperature())).isEqualTo(3.0);
    assertThat(stage.explainParams()).contains("temperature: what logits are divided by");
    Dataset<Row> x = Spark.session().sql("SELECT array(2F, 1F, 0F) AS x");
    assertThat(loaded.transform(x).columns()).containsExactly("x", "p");
    List<Float> expected =
        x.selectExpr("xent_softmax(x, map('temperature', '2'))").first().getList(0);
    assertThat(loaded.transform(x).first().<Vector>getAs(1).apply(0))
        .isEqualTo(expected.get(0).doubleValue());
  }

  @Test
  void mistakesAreNamed() {
    Dataset<Row> x =
        Spark.session().sql("SELECT array(2F, 1F) AS rawPrediction, 1.5D AS label, 1 AS p");
    assertThatThrownBy(() -> new SoftmaxTransformer().setRawPredictionCol("y").transform(x))
        .hasMessageContaining("y");
    assertThatThrownBy(() -> new SoftmaxTransformer().setProbabilityCol("p").transform(x))
        .hasMessageContaining("output column p exists already");
    for (String name : new String[] {"RawPrediction", "prediction", "PREDICTION"}) {
      assertThatThrownBy(() -> new SoftmaxTransformer().setProbabilityCol(name).transform(x))
          .hasMessageContaining("exists already");
    }
    Spark.session().conf().set("spark.sql.caseSensitive", true);
    try {
      assertThat(new SoftmaxTransformer().setProbabilityCol("P").transform(x).columns())
          .containsExactly("rawPrediction", "label", "p", "P", "prediction");
    } finally {
      Spark.session().conf().unset("spark.sql.caseSensitive");
    }
    assertThatThrownBy(() -> new SoftmaxTransformer().setTemperature(0))
        .hasMessage("temperature is 0.0; expected a number above 0");
    assertThatThrownBy(() -> new CrossEntropyEvaluator().setMetricName("loss"))
        .hasMessage(
            "metricName is loss; expected crossEntropy, perplexity, accuracy, brier or"
                + " expectedCalibrationError");
    for (String label : new String[] {"1.5", "NaN", "Infinity", "1.0E30"}) {
      for (boolean ansi : new boolean[] {true, false}) {
        Spark.session().conf().set("spark.sql.ansi.enabled", ansi);
        try {
          Dataset<Row> labelled = x.withColumn("label", lit(Double.parseDouble(label)));
          assertThatThrownBy(() -> new CrossEntropyEvaluator().evaluate(labelled))
              .hasStackTraceContaining(
                  "column label has the label " + label + "; expected a whole number");
        } finally {
          Spark.session().conf().unset("spark.sql.ansi.enabled");
        }
      }
    }
  }

  @Test
  void aRowWithoutLogitsIsNull() {
    Dataset<Row> rows =
        Spark.session()
            .createDataFrame(
                List.of(
                    RowFactory.create(Vectors.dense(2, 1, 0)), RowFactory.create((Object) null)),
                new StructType().add("rawPrediction", SQLDataTypes.VectorType()))
            .repartition(1);
    List<Row> results = new SoftmaxTransformer().transform(rows).sort("prediction").collectAsList();
    assertThat(results.get(0).isNullAt(1)).isTrue();
    assertThat(results.get(0).isNullAt(2)).isTrue();
    assertThat(results.get(1).<Vector>getAs(1).size()).isEqualTo(3);
    assertThat(results.get(1).getDouble(2)).isZero();
  }

  /** As in the evaluator. */
  @Test
  void logitsMayBeInAStruct() {
    Dataset<Row> x = Spark.session().sql("SELECT struct(array(2F, 1F) AS logits, 0 AS label) AS a");
    SoftmaxTransformer stage = new SoftmaxTransformer().setRawPredictionCol("a.logits");
    assertThat(stage.transform(x).first().getDouble(2)).isZero();
    assertThat(stage.transformSchema(x.schema()).fieldNames())
        .containsExactly("a", "probability", "prediction");
    assertThat(
            new CrossEntropyEvaluator()
                .setRawPredictionCol("a.logits")
                .setLabelCol("a.label")
                .evaluate(x))
        .isPositive();
  }

  /** As spark.ml has them: dense, and sparse ones whose other numbers are 0. */
  @Test
  void vectorsAreLogits() {
    Dataset<Row> vectors =
        Spark.session()
            .createDataFrame(
                List.of(
                    RowFactory.create(Vectors.dense(2, 0, -1)),
                    RowFactory.create(Vectors.sparse(3, new int[] {0, 2}, new double[] {2, -1})),
                    RowFactory.create((Object) null)),
                new StructType().add("x", SQLDataTypes.VectorType()))
            .repartition(1);
    vectors.createOrReplaceTempView("vectors");
    for (String call :
        List.of(
            "softmax(X)",
            "top_k(X, 2)",
            "cross_entropy(X, 1)",
            "cross_entropy(array(2D, 0D, -1D), X)",
            "entropy(X)",
            "cross_entropy_gradient(X, 1)",
            "cross_entropy(array(2F, 0F, -1F), X)",
            "loss(X, 1, map('classes', '3')) OVER (ORDER BY id ROWS CURRENT ROW)")) {
      List<Row> rows =
          Spark.session()
              .sql(
                  "SELECT xent_"
                      + call.replace("X", "x")
                      + ", xent_"
                      + call.replace("X", "array(2D, 0D, -1D)")
                      + " FROM (SELECT x, monotonically_increasing_id() AS id FROM vectors) ORDER BY id")
              .collectAsList();
      assertThat(rows.get(0).get(0)).as(call).isNotNull().isEqualTo(rows.get(0).get(1));
      assertThat(rows.get(1).get(0)).as(call).isEqualTo(rows.get(0).get(1));
      if (!call.startsWith("loss")) {
        assertThat(rows.get(2).get(0)).as(call).isNull();
      }
    }
    assertThatThrownBy(
            () ->
                Spark.session()
                    .sql("SELECT xent_softmax(x, map('classes', '4')) FROM vectors")
                    .collectAsList())
        .hasStackTraceContaining("the row has length 3, option classes is 4");
    Spark.session()
        .createDataFrame(
            List.of(RowFactory.create(Vectors.dense(1, 0, 0.5, -1))),
            new StructType().add("x", SQLDataTypes.VectorType()))
        .createOrReplaceTempView("hidden");
    assertThatThrownBy(
            () ->
                Spark.session().sql("SELECT xent_softmax(x, map('type', 'float32')) FROM vectors"))
        .hasMessageContaining("only BINARY has one, and the first argument is a vector");
    assertThat(
            Spark.session()
                .sql(
                    "SELECT xent_linear_loss(x, 0, FILE) = xent_linear_loss(array(1F, 0F, 0.5F, -1F), 0, FILE) FROM hidden"
                        .replace("FILE", "map('weights', '" + Spark.example("weights.npy") + "')"))
                .first()
                .getBoolean(0))
        .isTrue();
  }
}

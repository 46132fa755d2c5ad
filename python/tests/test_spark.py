# SPDX-License-Identifier: Apache-2.0
"""`pyxent.spark` in a session of PySpark, with its own driver and with Spark Connect. Needs pyspark and the jars of a
build with -Pall; java/tests/cluster/run has both."""
import gc
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pyspark = pytest.importorskip("pyspark")

ROOT = Path(__file__).resolve().parents[2]
JARS = [next(iter((ROOT / f"java/{name}/target").glob(f"{name}-*SNAPSHOT.jar")), None) for name in
        ("xent", "xent-files", "xent-spark")]
built = pytest.mark.skipif(None in JARS, reason="java/xent-spark is not built")

X, Y = [[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 1.0, 4.0]], [0, 1, 1]


def session(kind):
    from pyspark.sql import SparkSession
    builder = SparkSession.builder.config("spark.jars", ",".join(map(str, JARS))).config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", 2).config("spark.sql.parquet.compression.codec", "uncompressed")
    if kind == "connect":
        extensions = builder.config("spark.sql.extensions", "dev.xent.spark.XentExtensions")
        return extensions.remote("local[2]").getOrCreate()
    return builder.master("local[2]").getOrCreate()


def numbers(spark):
    """What the functions return in a session, as JSON."""
    from pyspark.sql import functions as F

    from pyxent import spark as xent
    rows = spark.createDataFrame(list(zip(X, Y, [1.0, 2.0, 0.0])), "x array<float>, y int, w double").coalesce(1)
    bad = rows.withColumn("y", F.lit(7))
    one = rows.select(
        xent.softmax("x", temperature=2), xent.log_softmax("x"), xent.argmax("x"), xent.entropy("x"),
        xent.log_sum_exp(F.col("x"), softcap=None), xent.top_k("x", 2, log=True),
        xent.cross_entropy("x", "y", label_smoothing=0.1), xent.cross_entropy_gradient("x", "y", denominator=3),
        xent.cross_entropy("x", xent.softmax("x")), xent.cross_entropy("x", "y", "w"),
        xent.cross_entropy_gradient("x", "y", "w"),
        xent.binary_cross_entropy("x", F.array(*[F.lit(each) for each in (1, 0, 0.5)]), positive_weights=[2, 1, 3]),
        xent.sample("x", "y", top_k=2, seed=9), xent.sample("x", "y", F.lit(3), temperature=0.5)).collect()
    totals = rows.agg(
        xent.loss("x", "y").alias("plain"), xent.loss("x", "y", "w", top_k=2, class_weights=[1, 0.5, 2]).alias("all"),
        xent.linear_loss(F.array(F.lit(1.0), F.lit(0.0), F.lit(0.5), F.lit(-1.0)).cast("array<float>"), F.lit(0),
                         weights=str(ROOT / "docs/example/weights.npy")).alias("linear")).first()
    tried = bad.select(xent.cross_entropy("x", "y", bad_rows="null")).collect()
    nulls = bad.agg(xent.loss("x", "y", bad_rows="null")["nulls"]).first()[0]
    return json.loads(json.dumps([[list(row) for row in one], totals.asDict(True), [row[0] for row in tried], nulls]))


def stages(spark, folder):
    """Pipelines that are fitted, saved and validated."""
    from pyspark.ml import Pipeline, PipelineModel
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.linalg import Vectors
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    from pyxent.spark.ml import CrossEntropyEvaluator, SoftmaxTransformer
    points = spark.createDataFrame(
        [(float(i % 3), Vectors.dense(math.sin(7 * i) + i % 3, math.cos(5 * i) - i % 3)) for i in range(60)],
        ["label", "features"])
    classifier = LogisticRegression(family="multinomial", maxIter=5, probabilityCol="p", predictionCol="c")
    pipeline = Pipeline(stages=[classifier, SoftmaxTransformer()])
    model = pipeline.fit(points)
    model.save(f"{folder}/model")
    results = PipelineModel.load(f"{folder}/model").transform(points)
    for row in results.select("p", "probability", "c", "prediction").collect():
        assert row[0].toArray() == pytest.approx(row[1].toArray(), abs=1e-14) and row[2] == row[3]
    evaluator = CrossEntropyEvaluator()
    evaluator.save(f"{folder}/evaluator")
    assert CrossEntropyEvaluator.load(f"{folder}/evaluator").getRawPredictionCol() == "rawPrediction"
    loss = evaluator.evaluate(results)
    assert 0 < loss < 1 and evaluator.evaluate(results.repartition(5)) == loss and not evaluator.isLargerBetter()
    metrics = {name: evaluator.copy({evaluator.metricName: name}) for name in ("perplexity", "accuracy")}
    assert metrics["perplexity"].evaluate(results) == pytest.approx(math.exp(loss), rel=1e-15)
    assert 0.5 < metrics["accuracy"].evaluate(results) <= 1 and metrics["accuracy"].isLargerBetter()
    grid = ParamGridBuilder().addGrid(classifier.regParam, [100.0, 0.01]).build()
    chosen = CrossValidator(estimator=pipeline, estimatorParamMaps=grid, evaluator=evaluator, numFolds=2, seed=1).fit(points)
    assert chosen.avgMetrics[1] < chosen.avgMetrics[0]
    set_later = CrossEntropyEvaluator().setRawPredictionCol("rawPrediction").setLabelCol("label").setWeightCol("")
    assert set_later.setMetricName("accuracy").evaluate(results) == metrics["accuracy"].evaluate(results)
    stage = SoftmaxTransformer().setTemperature(2).setProbabilityCol("q").setPredictionCol("")
    assert stage.transform(results).select("q").first()[0].toArray().sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="^output column p exists already; expected another name"):
        SoftmaxTransformer(probabilityCol="p").transform(results)
    for names in ({"probabilityCol": "Label"}, {"predictionCol": "C"}, {"probabilityCol": "z", "predictionCol": "Z"}):
        with pytest.raises(ValueError, match="^output column .* exists already; expected another name"):
            SoftmaxTransformer(**names).transform(results.select("rawPrediction", "label", "c"))
    nulls = spark.createDataFrame([(None, 1.0), (Vectors.dense([2.0, 1.0]), 0.0)], results.select("rawPrediction", "label").schema)
    assert [row[2:] for row in SoftmaxTransformer().transform(nulls).filter("rawPrediction is null").collect()] == [(None, None)]
    nested = nulls.selectExpr("struct(rawPrediction, label) AS a")
    assert SoftmaxTransformer(rawPredictionCol="a.rawPrediction").transform(nested).columns == ["a", "probability", "prediction"]
    with pytest.raises(TypeError, match="metricName is 'loss'; expected one of crossEntropy, perplexity, accuracy"):
        CrossEntropyEvaluator(metricName="loss")
    for label in (1.5, math.nan, math.inf, 1e30):
        bad = spark.createDataFrame([([2.0, 1.0], label)], "rawPrediction array<float>, label double")
        with pytest.raises(Exception, match="column label has the label [^;]*; expected a whole number"):
            CrossEntropyEvaluator().evaluate(bad)


def sharded(spark, kind):
    """Rows in two shards have the results of whole ones."""
    from pyspark.sql import functions as F

    from pyxent import spark as xent
    numbers = [[math.sin(row * 37 + k * 11) * 4 for k in range(8200)] for row in range(2)]
    shards = spark.createDataFrame([(row, first, x[first:first + 8192], 8195 * row, 1.0 + row)
                                    for row, x in enumerate(numbers) for first in (0, 8192)],
                                   "row int, first_class int, logits array<float>, label int, w double")
    if kind == "connect":
        with pytest.raises(TypeError, match="^shards is of a session of Spark Connect; expected one with its own driver"):
            xent.ShardedLoss(shards, 8200)
        return
    whole = spark.createDataFrame([(x, 8195 * row, 1.0 + row) for row, x in enumerate(numbers)],
                                  "x array<float>, y int, w double")
    sums = xent.ShardedLoss(shards, 8200, weight_col="w", label_smoothing=0.1)
    assert sums.total().first()["mean"] == whole.agg(xent.loss("x", "y", "w", label_smoothing=0.1)["mean"]).first()[0]
    losses = whole.select(xent.cross_entropy("x", "y", "w", label_smoothing=0.1)).collect()
    assert sorted(row["loss"] for row in sums.losses().collect()) == sorted(row[0] for row in losses)
    [gradient] = whole.filter("y = 0").select(xent.cross_entropy_gradient("x", "y", "w", label_smoothing=0.1)).first()
    parts = sums.gradients().filter("row = 0").orderBy("first_class").collect()
    assert [each for part in parts for each in part["gradient"]] == gradient
    parts = xent.ShardedLoss(shards.withColumn("label", F.lit(None)), 8200).log_probabilities().filter("row = 0").collect()
    [logs] = whole.filter("y = 0").select(xent.log_softmax("x")).first()
    assert sorted(each for part in parts for each in part["log_probabilities"]) == sorted(logs)
    with pytest.raises(TypeError, match="^ShardedLoss\\(\\) got an unexpected keyword argument 'heat'"):
        xent.ShardedLoss(shards, 8200, heat=2)


def page(spark):
    """The program of docs/spark.md."""
    [program] = re.findall("^```py\\n(.*?)^```", (ROOT / "docs/spark.md").read_text(encoding="utf-8"), re.M | re.S)
    rows = spark.createDataFrame(list(zip(X, Y)), "logits array<float>, label int")
    exec(program, {"rows": rows})


def every_option(spark):
    """What Spark says that a function takes, its keywords are."""
    from pyxent import spark as xent
    for call, known in (("argmax(array(1F)", xent._NumberOptions), ("softmax(array(1F)", xent.Options),
                        ("top_k(array(1F), 1", xent._TopKOptions), ("cross_entropy(array(1F), 0", xent.LossOptions),
                        ("cross_entropy_gradient(array(1F), 0", xent._GradientOptions),
                        ("binary_cross_entropy(1, 0", xent._BinaryOptions), ("sample(array(1F), 0", xent._SampleOptions),
                        ("loss(array(1F), 0", xent._TotalOptions), ("linear_loss(array(1F), 0", xent._LinearOptions)):
        with pytest.raises(Exception, match="unknown option x; expected one of ") as error:
            spark.sql(f"SELECT xent_{call}, map('x', '1'))").collect()
        names = set(re.search(r"expected one of (\w+(, \w+)*)", str(error.value))[1].split(", "))
        unused = {"classes"} if call.startswith("linear") else set()
        assert names == set(map(xent._camel, known.__annotations__)) - unused, call


@pytest.mark.parametrize("given", [None, [], "local"])
def test_what_is_no_session(given):
    from pyxent.spark import register
    with pytest.raises(TypeError) as error:
        register(given)
    assert str(error.value) == f"spark is {given!r}; expected a session: pyspark.sql.SparkSession.builder.getOrCreate()"


def test_a_session_without_the_jars(tmp_path):
    """In its own process, as in `found`."""
    code = """from pyspark.sql import SparkSession
from pyxent.spark import register
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
try:
    register(spark)
except RuntimeError as error:
    print(error)
spark.stop()"""
    environment = dict(os.environ, SPARK_LOCAL_IP="127.0.0.1", PYTHONPATH=str(ROOT / "python/src"))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=environment,
                         cwd=tmp_path)
    assert run.stdout.splitlines()[-1:] == ["the session has no jar of xent-spark; expected the jars xent and xent-spark "
                                            "in spark.jars when it started"], run.stderr[-3000:]


def test_options_have_names():
    import inspect

    from pyxent import spark as xent
    for call, message in (
            (lambda: xent.softmax("x", {"temperature": "2"}), "softmax() got 2 positional arguments; expected 1. Pass the "
             "others by name: temperature='2'"),
            (lambda: xent.top_k("x", 5, {"log": True}), "top_k() got 3 positional arguments; expected 2. Pass the others by "
             "name: log=True"),
            (lambda: xent.loss("x", "y", "w", "v"), "loss() got 4 positional arguments; expected 3. Pass the others by "
             "name: help(pyxent.spark.loss) lists them")):
        with pytest.raises(TypeError) as error:
            call()
        assert str(error.value) == message
    for name in set(xent.__all__) - {"LossOptions", "Options", "ShardedLoss", "register"}:
        with pytest.raises(TypeError, match=f"^{name}.. got 9 positional arguments; expected .. Pass the others by name"):
            getattr(xent, name)(*["x"] * 9)
        assert list(inspect.signature(getattr(xent, name)).parameters)[-2:] == ["bad_rows", "options"]


def mistakes(spark):
    from pyxent import spark as xent
    rows = spark.createDataFrame(list(zip(X, Y)), "x array<float>, y int")
    with pytest.raises(TypeError, match="^softmax\\(\\) got an unexpected keyword argument 'heat'; expected one of type, "):
        xent.softmax("x", heat=2)
    with pytest.raises(ValueError, match="^bad_rows is 'skip'; expected 'error' or 'null'$"):
        xent.softmax("x", bad_rows="skip")
    f = "pyspark.sql.functions."
    for call, message in (
            (lambda: xent.softmax(["a", "b"]), f"logits is ['a', 'b']; expected the name of a column or a Column. For columns "
             f"that have a class each: {f}array('a', 'b')"),
            (lambda: xent.softmax([2.0, 1.0]), "logits is [2.0, 1.0]; expected the name of a column or a Column. For columns "
             f"that have a class each: {f}array('a', 'b', 'c')"),
            (lambda: xent.softmax(None), "logits is None; expected the name of a column or a Column"),
            (lambda: xent.cross_entropy("x", 1), f"label is 1; expected the name of a column or a Column: {f}lit(1)"),
            (lambda: xent.loss("x", "y", 2.0), f"weight is 2.0; expected the name of a column or a Column: {f}lit(2.0)"),
            (lambda: xent.cross_entropy("x", "y", {"temperature": 2}), "weight is {'temperature': 2}; expected the name of a "
             "column or a Column. Pass options by name: temperature=2"),
            (lambda: xent.softmax("x", temperature=rows.y), "temperature is a Column; expected a constant, which is the same "
             "in all rows"),
            (lambda: xent.loss("x", "y", class_weights={0: 0.5, 1: 1, 2: 2}), "class_weights is {0: 0.5, 1: 1, 2: 2}; "
             "expected a list with a number per class")):
        with pytest.raises(TypeError) as error:
            call()
        assert str(error.value) == message
    ml = pytest.importorskip("pyxent.spark.ml")
    with pytest.raises(Exception, match="with name `z` cannot be resolved.*`x`"):
        ml.CrossEntropyEvaluator(rawPredictionCol="x", labelCol="z").evaluate(rows)
    for value, message in ((-1, "option temperature is -1"), ("", "option temperature is empty; expected a value")):
        with pytest.raises(Exception, match=message):
            rows.select(xent.softmax("x", temperature=value)).collect()


def _program(kind, folder):
    """A session in its own process: one process has no sessions of both kinds."""
    from pyxent.spark import register
    spark = session(kind)
    if kind == "connect":
        with pytest.raises(TypeError, match="^spark is a session of Spark Connect; expected one with its own driver"):
            register(spark)
    else:
        register(spark)
    try:
        print("numbers", json.dumps(numbers(spark)), flush=True)
        page(spark)
        every_option(spark)
        mistakes(spark)
        sharded(spark, kind)
        stages(spark, folder)
    finally:
        gc.collect()  # models of Spark Connect are removed from their server, which must be there
        spark.stop()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    results = {}
    for kind in ("classic", "connect"):
        environment = dict(os.environ, PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1",
                           PYTHONPATH=os.pathsep.join([str(ROOT / "python/src"), str(ROOT / "python/tests")]))
        if kind == "connect":
            environment["SPARK_TESTING"] = "1"  # its server takes a free port, not 15002, which another may have
        run = subprocess.run(
            [sys.executable, "-c", f"import test_spark; test_spark._program({kind!r}, {str(tmp_path_factory.mktemp(kind))!r})"],
            capture_output=True, text=True, timeout=900, env=environment, cwd=tmp_path_factory.mktemp("work"))
        lines = [line for line in run.stdout.splitlines() if line.startswith("numbers ")]
        assert run.returncode == 0 and lines, run.stdout[-3000:] + run.stderr[-6000:]
        results[kind] = json.loads(lines[0].removeprefix("numbers "))
    return results


@built
def test_connect_has_the_bits_of_classic(found):
    assert found["connect"] == found["classic"]


@built
def test_numbers_are_those_of_pyxent(found):
    import numpy as np

    import pyxent
    x, y = np.array(X, np.float32), np.array(Y)
    rows, totals, tried, nulls = found["classic"]
    columns = list(zip(*rows))
    assert np.float32(columns[0]).tolist() == pyxent.softmax(x, temperature=2).tolist()
    assert np.float32(columns[1]).tolist() == pyxent.log_softmax(x).tolist()
    assert list(columns[2]) == pyxent.argmax(x).tolist()
    assert np.float32(columns[3]).tolist() == pyxent.entropy(x).tolist()
    assert np.float32(columns[4]).tolist() == pyxent.log_sum_exp(x).tolist()
    assert np.float32(columns[6]).tolist() == pyxent.cross_entropy(x, y, label_smoothing=0.1, losses=True).losses.tolist()
    of_rows = pyxent.cross_entropy(x, y, row_weights=np.float32([1, 2, 0]), losses=True, gradient=True, reduction="sum")
    assert np.float32(columns[9]).tolist() == of_rows.losses.tolist()
    assert np.float32(columns[10]).tolist() == of_rows.gradient.tolist()
    targets, factors = np.float32([[1, 0, 0.5]] * 3), np.float32([2, 1, 3])
    assert list(columns[11]) == [float(pyxent.binary_cross_entropy(x[i:i + 1], targets[i:i + 1], positive_weights=factors,
                                                                  reduction="sum")) for i in range(3)]
    for column, options in ((12, {"top_k": 2, "seed": 9, "step": 0}), (13, {"temperature": 0.5, "seed": 0, "step": 3})):
        tokens = [pyxent.sample(x[i:i + 1], stream=int(y[i]), **options).tokens[0] for i in range(3)]
        assert list(columns[column]) == tokens
    plain = pyxent.cross_entropy(x, y, correct=True)
    assert (totals["plain"]["mean"], totals["plain"]["correct"]) == (plain.loss, 2)
    weighted = pyxent.cross_entropy(x, y, row_weights=np.float32([1, 2, 0]), class_weights=np.float32([1, 0.5, 2]))
    assert (totals["all"]["mean"], totals["all"]["top_k_accuracy"]) == (weighted.loss, 1.0)
    assert totals["linear"]["rows"] == 3 and tried == [None] * 3 and nulls == 3

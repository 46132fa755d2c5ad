#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What holds on a standalone cluster of Spark; `run` says what, and prepares it."""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pyspark
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPARK = pathlib.Path(pyspark.__file__).parent
MASTER = "spark://127.0.0.1:17077"
CLASSES = 1000
VOCABULARY = 128256
# Of chunks of 8192 classes: seven shards of the sixteen chunks that 128256 classes have.
SHARDS = [0, 2, 4, 6, 8, 10, 13, 16]
CHUNK = 8192
# How many rows of a dataset differ; its number of rows is a multiple of them.
DIFFERENT = 2000

failures = []


def say(line):
    print(line, flush=True)


def check(what, holds):
    say(f"{'ok  ' if holds else 'FAIL'} {what}")
    if not holds:
        failures.append(what)


# ---- the numbers, once as SQL and once in NumPy: whole numbers of 16 bits, divided by 4096 -------


def logit_sql(row, first, end):
    return (
        f"transform(sequence({first}L, {end - 1}L), k -> "
        f"CAST((({row} * 7919 + k * 104729 + ({row} * k) % 65521) % 65536) / 4096D - 8 AS FLOAT))"
    )


def logits(rows, classes):
    k = np.arange(classes, dtype=np.int64)[None, :]
    row = rows[:, None]
    return (((row * 7919 + k * 104729 + (row * k) % 65521) % 65536) / 4096 - 8).astype(np.float32)


def label_sql(row, classes):
    return f"CAST({row} * 31 % {classes} AS INT)"


def write_npy(folder, rows, classes):
    """The files of these numbers; rows repeat after a while, so that most of them are cheap to make."""
    if not (folder / "labels.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        out = np.lib.format.open_memmap(folder / "logits.npy", "w+", np.float32, (rows, classes))
        different = np.arange(min(rows, DIFFERENT), dtype=np.int64)
        block = logits(different, classes)
        for at in range(0, rows, len(block)):
            out[at : at + len(block)] = block
        out.flush()
        np.save(folder / "labels.npy", np.resize(different * 31 % classes, rows))
    return folder


def xent(*arguments):
    """What the command prints as JSON."""
    command = [os.environ["JAVA_HOME"] + "/bin/java", "--enable-native-access=ALL-UNNAMED", "-jar"]
    jar = ROOT / "java/xent-cli/target/xent-cli.jar"
    told = subprocess.run([*command, jar, *map(str, arguments)], capture_output=True, check=True)
    return json.loads(told.stdout)


# ---- the cluster ---------------------------------------------------------------------------------


class Cluster:
    """A master and two workers of one core each; everything ends with it."""

    def __init__(self, output):
        self.output = output
        self.processes = []
        shutil.rmtree(output / "work", ignore_errors=True)
        shutil.rmtree(output / "events", ignore_errors=True)
        (output / "events").mkdir(parents=True)

    def __enter__(self):
        self.start("master", "master.Master", "-h", "127.0.0.1", "-p", "17077", "--webui-port", "0")
        for i in range(2):
            self.start(
                f"worker-{i}", "worker.Worker", "-h", "127.0.0.1", "--webui-port", "0", "-c", "1", "-m", "2g",
                "-d", str(self.output / "work" / str(i)), MASTER)
        return self

    def start(self, name, main, *arguments):
        environment = dict(
            os.environ, SPARK_HOME=str(SPARK), SPARK_LOCAL_IP="127.0.0.1",
            SPARK_MASTER_OPTS="-Dspark.worker.timeout=1200 -Dspark.deploy.maxExecutorRetries=-1")
        log = open(self.output / f"{name}.log", "w")
        self.processes.append(
            subprocess.Popen(
                [SPARK / "bin/spark-class", "org.apache.spark.deploy." + main, *arguments],
                env=environment, stdout=log, stderr=log, start_new_session=True))

    def session(self, cores=2, **more):
        jars = ",".join(
            str(next((ROOT / f"java/{name}/target").glob(f"{name}-*SNAPSHOT.jar"))) for name in ("xent", "xent-spark"))
        builder = SparkSession.builder.master(MASTER).appName("xent")
        settings = {
            "spark.jars": jars,
            "spark.sql.extensions": "dev.xent.spark.XentExtensions",
            "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
            "spark.cores.max": cores,
            "spark.executor.cores": 1,
            "spark.executor.memory": "1g",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": False,
            "spark.eventLog.enabled": True,
            "spark.eventLog.compress": False,
            "spark.eventLog.dir": (self.output / "events").as_uri(),
            "spark.local.dir": str(self.output / "local"),
            "spark.sql.warehouse.dir": str(self.output / "warehouse"),
            "spark.sql.parquet.compression.codec": "uncompressed",
            # A killed executor is no fault of the application.
            "spark.task.maxFailures": 20,
            # Nor is one that a loaded machine holds up.
            "spark.network.timeout": "1200s",
        }
        for name, value in {**settings, **more}.items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        spark.sparkContext.setLogLevel("OFF")
        return spark

    def executors(self):
        """The processes that compute, children of our workers alone."""
        found = []
        for worker in self.processes[1:]:
            for child in pathlib.Path(f"/proc/{worker.pid}/task").glob("*/children"):
                found += [int(pid) for pid in child.read_text().split()]
        return found

    def events(self, kind, application=""):
        for file in (self.output / "events").rglob("events_*"):
            if application in file.name:
                for line in open(file, errors="replace"):
                    if f'"Event":"{kind}"' in line:
                        yield json.loads(line)

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def libraries(pid):
    """How many copies of the native library a process has mapped."""
    mapped = {
        "".join(line.split()[3:5]) for line in open(f"/proc/{pid}/maps") if "libxent" in line}
    return len(mapped)


# ---- what must hold ------------------------------------------------------------------------------


def dataset(spark, output, rows):
    few, path = output / "different.parquet", output / f"rows-{rows}.parquet"
    if not (few / "_SUCCESS").exists():
        (
            spark.range(0, DIFFERENT, 1, 4)
            .selectExpr("id", logit_sql("id", 0, CLASSES) + " AS logits", label_sql("id", CLASSES) + " AS label")
            .write.mode("overwrite").parquet(str(few)))
    if not (path / "_SUCCESS").exists():
        copies = spark.range(0, rows // DIFFERENT, 1, 16).withColumnRenamed("id", "copy")
        (
            copies.join(F.broadcast(spark.read.parquet(str(few))))
            .selectExpr(f"copy * {DIFFERENT} + id AS id", "logits", "label")
            .write.mode("overwrite").parquet(str(path)))
    return spark.read.parquet(str(path))


LOSS = "xent_loss(logits, label) AS l"


def same(loss, expected):
    return (
        loss["mean"] == expected["loss"] and loss["denominator"] == expected["denominator"]
        and loss["rows"] == expected["rows"] and loss["correct"] == expected["correct"])


def bits(cluster, spark, output, rows, expected):
    data = dataset(spark, output, rows)
    for partitions in (1, 2, 7, 64):
        loss = data.orderBy(F.hash("id")).repartition(partitions).agg(F.expr(LOSS)).first()["l"]
        check(f"{rows} rows in {partitions} partitions, shuffled: mean {loss['mean']}", same(loss, expected))
    groups = data.groupBy((F.col("id") % 3).alias("g")).agg(F.expr(LOSS)).collect()
    check("groups: their counts and hits add up", sum(g["l"]["rows"] for g in groups) == rows
          and sum(g["l"]["correct"] for g in groups) == expected["correct"])
    found = [libraries(pid) for pid in cluster.executors()]
    check(f"native libraries in each executor: {found}", found == [1, 1])


def kills(cluster, spark, output, rows, expected):
    """Executors die while a shuffle of all logits is under way, and tasks run twice."""
    data = dataset(spark, output, rows)
    killed = []
    done = threading.Event()

    def kill():
        while len(killed) < 3 and not done.wait(4):
            for pid in cluster.executors()[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    thread = threading.Thread(target=kill)
    thread.start()
    loss = data.orderBy(F.hash("id")).repartition(64).agg(F.expr(LOSS)).first()["l"]
    done.set()
    thread.join()
    check(f"{len(killed)} executors killed in the middle: mean {loss['mean']}", killed and same(loss, expected))


def speculation(cluster, output, rows, expected):
    spark = cluster.session(
        **{"spark.speculation": True, "spark.speculation.multiplier": 1.01, "spark.speculation.quantile": 0.1,
           "spark.speculation.interval": "10ms", "spark.speculation.minTaskRuntime": "0ms"})
    loss = dataset(spark, output, rows).orderBy(F.hash("id")).repartition(7).agg(F.expr(LOSS)).first()["l"]
    check(f"speculative execution: mean {loss['mean']}", same(loss, expected))
    spark.stop()
    copies = sum(1 for e in cluster.events("SparkListenerTaskStart") if e["Task Info"]["Speculative"])
    check(f"speculative copies of tasks: {copies}", copies > 0)


def shards(spark, output):
    rows = 64
    folder = write_npy(output / "vocabulary", rows, VOCABULARY)
    expected = xent("cross-entropy", folder / "logits.npy", folder / "labels.npy", "--grad",
                    folder / "gradient.npy", "--json")
    ends = [min(end * CHUNK, VOCABULARY) for end in SHARDS]
    parts = [
        spark.range(0, rows, 1, 2).selectExpr(
            "id AS row", f"{first}L AS first_class", logit_sql("id", first, end) + " AS logits",
            label_sql("id", VOCABULARY) + " AS label")
        for first, end in zip(ends, ends[1:])]
    data = parts[0]
    for part in parts[1:]:
        data = data.union(part)
    path = str(output / "shards.parquet")
    data.repartition(7, "first_class").write.mode("overwrite").parquet(path)
    data = spark.read.parquet(path)
    sharded = spark._jvm.dev.xent.spark.ShardedLoss
    for partitions in (1, 7):
        loss = sharded(data.repartition(partitions)._jdf, VOCABULARY, {})
        total = pyspark.sql.DataFrame(loss.total(), spark).first()
        check(f"{rows} rows of {VOCABULARY} classes in 7 shards, {partitions} partitions: mean {total['mean']}",
              same(total, expected))
    loss = sharded(data._jdf, VOCABULARY, {"denominator": str(rows)})
    gradient = np.zeros((rows, VOCABULARY), np.float32)
    for row in pyspark.sql.DataFrame(loss.gradients(), spark).toLocalIterator():
        part = np.array(row["gradient"], np.float32)
        gradient[row["row"], row["first_class"] : row["first_class"] + len(part)] = part
    check("their gradient has the same bits",
          np.array_equal(gradient.view(np.int32), np.load(folder / "gradient.npy").view(np.int32)))


def shuffled(cluster, output):
    """What sharded losses send, beside the logits that stay where they are."""
    spark = cluster.session()
    application = spark.sparkContext.applicationId
    data = spark.read.parquet(str(output / "shards.parquet"))
    loss = spark._jvm.dev.xent.spark.ShardedLoss(data._jdf, VOCABULARY, {})
    pyspark.sql.DataFrame(loss.total(), spark).collect()
    spark.stop()
    sent = sum(
        e["Task Metrics"]["Shuffle Write Metrics"]["Shuffle Bytes Written"]
        for e in cluster.events("SparkListenerTaskEnd", application) if e.get("Task Metrics"))
    of_logits = 64 * VOCABULARY * 4
    say(f"     shuffled: {sent:,} bytes; the logits have {of_logits:,}, {of_logits / max(sent, 1):.0f} times as many")
    check("far less is shuffled than the logits", 0 < sent < of_logits / 50)


def refusals(spark, output, rows):
    data = dataset(spark, output, rows)
    bad = {
        "label 1000 is no class; classes are 0 to 999": ("logits", "IF(id = 77, 1000, label)"),
        "class 5 of 1000 is null": ("IF(id = 77, transform(logits, (x, k) -> IF(k = 5, NULL, x)), logits)", "label"),
        "the row has 999 classes, option classes says 1000": ("IF(id = 77, slice(logits, 1, 999), logits)", "label"),
    }
    for message, (x, label) in bad.items():
        try:
            data.selectExpr(f"{x} AS logits", f"{label} AS label").agg(
                F.expr("xent_loss(logits, label, map('classes', '1000'))")).collect()
            told = "nothing"
        except Exception as e:  # whatever Spark wraps it in
            told = next((line for line in str(e).splitlines() if "xent_loss(" in line), str(e))
            told = told[max(told.find("xent_loss("), 0) :]
        check(f"refused: {told}", message in told and "partition" in told)
    loss = data.selectExpr("IF(id = 77, transform(logits, x -> float('NaN')), logits) AS logits",
                           "IF(id = 78, NULL, label) AS label").agg(F.expr(LOSS)).first()["l"]
    check("a NaN makes the mean NaN, a null label is counted alone",
          loss["mean"] != loss["mean"] and loss["nulls"] == 1 and loss["rows"] == rows - 1)


def timed(query):
    begin = time.perf_counter()
    query()
    return time.perf_counter() - begin


# Without the largest logit taken off first, which these numbers do not need: as little work as there can be.
SPARKS_OWN = "avg(aggregate(logits, 0D, (s, x) -> s + exp(CAST(x AS DOUBLE)), s -> ln(s)) - logits[label])"


def torch_udf():
    import pandas as pd
    import torch

    @F.pandas_udf("double")
    def loss(x: pd.Series, label: pd.Series) -> pd.Series:
        torch.set_num_threads(1)
        rows = torch.from_numpy(np.stack(x.to_numpy()))
        targets = torch.from_numpy(label.to_numpy().astype(np.int64))
        return pd.Series(torch.nn.functional.cross_entropy(rows, targets, reduction="none").numpy().astype(np.float64))

    return loss


def speed(cluster, output, rows):
    """Medians of turns that alternate, and what two workers have over one."""
    queries = {
        "read alone": lambda d: d.agg(F.expr("sum(logits[label])")).collect(),
        "xent_loss": lambda d: d.agg(F.expr(LOSS)).collect(),
        "xent_softmax": lambda d: d.agg(F.expr("sum(xent_softmax(logits)[label])")).collect(),
    }
    slow = {"Spark's aggregate": lambda d: d.agg(F.expr(SPARKS_OWN)).collect()}
    try:
        udf = torch_udf()
        slow["PyTorch in a pandas UDF"] = lambda d: d.agg(F.avg(udf("logits", "label"))).collect()
    except ImportError:
        say("     no PyTorch or pandas here: no Python UDF")
    rates = {}
    for cores in (1, 2):
        spark = cluster.session(cores=cores, **{"spark.sql.files.maxPartitionBytes": "32m"})
        data = dataset(spark, output, rows)
        few = data.filter(f"id < {rows // 10}")
        times = {name: [] for name in {**queries, **slow}}
        for turn in range(4):
            for name, query in queries.items():
                times[name].append(timed(lambda: query(data)))
            if turn < 2:
                for name, query in slow.items():
                    times[name].append(timed(lambda: query(few)))
        for name, seconds in times.items():
            n = rows // 10 if name in slow else rows
            rates[name, cores] = n / sorted(seconds[1:])[len(seconds[1:]) // 2]
            say(f"     {cores} worker(s), {name}: {rates[name, cores]:,.0f} rows/s")
        spark.stop()
    for name in queries:
        say(f"     two workers over one, {name}: {rates[name, 2] / rates[name, 1]:.2f}")
    for name in slow:
        say(f"     xent_loss over {name}, one worker: {rates['xent_loss', 1] / rates[name, 1]:.1f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=20_000, help=f"a multiple of {DIFFERENT}")
    parser.add_argument("--timed-rows", type=int, default=200_000)
    parser.add_argument("--only", default="bits,kills,shards,refusals,speed")
    chosen = parser.parse_args()
    parts = chosen.only.split(",")
    output = chosen.output
    folder = write_npy(output / f"rows-{chosen.rows}", chosen.rows, CLASSES)
    expected = xent("cross-entropy", folder / "logits.npy", folder / "labels.npy", "--json")
    say(f"xent cross-entropy: {expected}")
    with Cluster(output) as cluster:
        spark = cluster.session()
        if "bits" in parts:
            bits(cluster, spark, output, chosen.rows, expected)
        if "refusals" in parts:
            refusals(spark, output, chosen.rows)
        if "kills" in parts:
            kills(cluster, spark, output, chosen.rows, expected)
        spark.stop()
        if "kills" in parts:
            speculation(cluster, output, chosen.rows, expected)
        if "shards" in parts:
            spark = cluster.session()
            shards(spark, output)
            spark.stop()
            shuffled(cluster, output)
        if "speed" in parts:
            speed(cluster, output, chosen.timed_rows)
    say(f"{len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()

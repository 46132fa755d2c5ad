#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks of the Spark module on a standalone cluster; `run` lists them, and prepares the cluster."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

import guide
import numpy as np
import pyspark
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

ROOT = pathlib.Path(__file__).resolve().parents[3]
SPARK = pathlib.Path(pyspark.__file__).parent
VERSION = subprocess.check_output([ROOT / "tools/release/version"], text=True).strip()
CLASSES = 1000
FEATURES = 64
VOCABULARY = 128256
VOCABULARY_ROWS = 64
# Bounds in chunks of 8192 classes: seven shards of the sixteen chunks of 128256 classes.
SHARDS = [0, 2, 4, 6, 8, 10, 13, 16]
CHUNK = 8192
# Row i of a dataset is row i % FEW of a few, rotated by i // FEW classes: up to 2,000,000 rows differ, and any process
# creates them quickly.
FEW = 2000
PARTITIONS = (1, 2, 7, 64)
TASKS = 64

failures = []


def say(line):
    print(line, flush=True)


def check(what, holds):
    say(f"{'ok  ' if holds else 'FAIL'} {what}")
    if not holds:
        failures.append(what)


def timed(query):
    begin = time.perf_counter()
    result = query()
    return result, time.perf_counter() - begin


# ---- the numbers, once as SQL and once in NumPy: 16-bit integers divided by 4096, and 9 for the label of every other
# ---- row, whose label is then the largest class


def logit_sql(row, first, end, classes):
    return (
        f"transform(sequence({first}L, {end - 1}L), k -> CAST(IF({row} % 2 = 0 AND k = {label_sql(row, classes)}, 9, "
        f"(({row} * 7919 + k * 104729 + ({row} * k) % 65521) % 65536) / 4096D - 8) AS FLOAT))"
    )


def logits(rows, classes):
    k = np.arange(classes, dtype=np.int64)[None, :]
    row = rows[:, None]
    x = ((row * 7919 + k * 104729 + (row * k) % 65521) % 65536) / 4096 - 8
    return np.where((row % 2 == 0) & (k == row * 31 % classes), 9, x).astype(np.float32)


def label_sql(row, classes):
    return f"CAST({row} * 31 % {classes} AS INT)"


def write_npy(folder, rows, classes):
    """Writes these numbers to files for the command."""
    if not (folder / "labels.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        out = np.lib.format.open_memmap(folder / "logits.npy", "w+", np.float32, (rows, classes))
        few = logits(np.arange(min(rows, FEW), dtype=np.int64), classes)
        for at in range(0, rows, len(few)):
            out[at : at + len(few)] = np.roll(few, -(at // len(few)), axis=1)
        out.flush()
        np.save(folder / "labels.npy", np.arange(rows, dtype=np.int64) * 31 % classes)
    return folder


def xent(*arguments):
    """The JSON output of the command."""
    command = [os.environ["JAVA_HOME"] + "/bin/java", "--enable-native-access=ALL-UNNAMED", "-jar"]
    jar = ROOT / "java/xent-cli/target/xent-cli.jar"
    told = subprocess.run([*command, jar, *map(str, arguments)], stdout=subprocess.PIPE, check=True)
    return json.loads(told.stdout)


def cross_entropy(folder, labels, *more):
    command = ("cross-entropy", folder / "logits.npy", folder / labels, *more, "--json")
    told, seconds = timed(lambda: xent(*command))
    say(f"     xent cross-entropy, {seconds:.1f} s: {told}")
    return told


# ---- the cluster ---------------------------------------------------------------------------------


class Cluster:
    """A master and two workers of one core each, on separate cores of this machine; all processes end with it."""

    def __init__(self, output):
        self.output = output
        self.cores = sorted(os.sched_getaffinity(0))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"spark://127.0.0.1:{self.port}"
        for name in ("work", "local", "events"):
            shutil.rmtree(output / name, ignore_errors=True)
        (output / "events").mkdir(parents=True)

    def __enter__(self):
        self.master = self.start(
            "master", "master.Master", "-h", "127.0.0.1", "-p", str(self.port), "--webui-port", "0")
        self.workers = [self.start_worker(i) for i in range(2)]
        return self

    def start_worker(self, i):
        worker = self.start(
            # Separate hosts: Spark runs no second copy of a task on the same host.
            f"worker-{i}", "worker.Worker", "-h", f"127.0.0.{i + 1}", "--webui-port", "0", "-c", "1", "-m", "2g",
            "-d", str(self.output / "work" / str(i)), self.url)
        os.sched_setaffinity(worker.pid, {self.cores[i % len(self.cores)]})
        return worker

    def start(self, name, main, *arguments):
        environment = dict(
            os.environ, SPARK_HOME=str(SPARK), SPARK_LOCAL_DIRS=str(self.output / "local"),
            SPARK_MASTER_OPTS="-Dspark.worker.timeout=1200 -Dspark.deploy.maxExecutorRetries=-1")
        with open(self.output / f"{name}.log", "a") as log:
            return subprocess.Popen(
                [SPARK / "bin/spark-class", "org.apache.spark.deploy." + main, *arguments],
                env=environment, stdout=log, stderr=log, start_new_session=True)

    def session(self, workers=2, **more):
        jars = ",".join(
            str(ROOT / f"java/{name}/target/{name}-{VERSION}.jar")
            for name in ("xent", "xent-files", "xent-spark"))
        builder = SparkSession.builder.master(self.url).appName("xent")
        settings = {
            "spark.jars": jars,
            "spark.sql.extensions": "dev.xent.spark.XentExtensions",
            "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
            "spark.cores.max": workers,
            "spark.executor.cores": 1,
            "spark.executor.memory": "1g",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.port": 0,
            "spark.ui.showConsoleProgress": False,
            "spark.eventLog.enabled": True,
            "spark.eventLog.compress": False,
            "spark.eventLog.dir": (self.output / "events").as_uri(),
            "spark.sql.warehouse.dir": str(self.output / "warehouse"),
            "spark.sql.parquet.compression.codec": "uncompressed",
            # A loaded machine delays executors.
            "spark.network.timeout": "1200s",
        }
        for name, value in {**settings, **more}.items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        spark.sparkContext.setLogLevel("OFF")
        return spark

    def executors(self, workers=None):
        """The processes that compute: only children of these workers."""
        found = []
        for worker in workers or self.workers:
            for child in pathlib.Path(f"/proc/{worker.pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):  # the thread has ended
                    found += map(int, child.read_text().split())
        return [pid for pid in found if is_executor(pid)]

    def kill_executor(self, executors, _):
        os.kill(executors[-1], signal.SIGKILL)

    def kill_worker(self, executors, _):
        """Kills a worker and its executors at once, like a machine failure; then starts another worker."""
        dead = next(worker for worker in self.workers if executors[0] in self.executors([worker]))
        for pid in [dead.pid, *self.executors([dead])]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        dead.wait()
        i = self.workers.index(dead)
        self.workers[i] = self.start_worker(i)

    def stall_executor(self, executors, is_active):
        """Stops an executor, like a slow machine: the stage ends because Spark runs its task on another one."""
        os.kill(executors[0], signal.SIGSTOP)
        try:
            end = time.time() + 120
            while is_active() and time.time() < end:
                time.sleep(0.05)
        finally:
            os.kill(executors[0], signal.SIGCONT)

    def events(self, kind, application):
        for file in (self.output / "events").rglob("events_*"):
            if application in file.name:
                for line in open(file, errors="replace"):
                    if f'"Event":"{kind}"' in line:
                        yield json.loads(line)

    def __exit__(self, *_):
        everything = [*self.workers, self.master]
        for process in everything:
            process.send_signal(signal.SIGTERM)
        for process in everything:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.output / "local", ignore_errors=True)


def is_executor(pid):
    try:
        return b"ExecutorBackend" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # the process has ended
        return False


@contextlib.contextmanager
def meanwhile(cluster, spark, share, actions):
    """Does the actions in turn while the block runs: each one when `share` of a stage of TASKS tasks is done."""
    tracker = spark.sparkContext.statusTracker()
    done = threading.Event()
    acted = []

    def is_next(stage):
        info = tracker.getStageInfo(stage)
        return stage not in acted and info and info.numTasks == TASKS and info.numCompletedTasks >= share * TASKS

    def work():
        for action in actions:
            while not done.wait(0.005):
                stage = next(filter(is_next, tracker.getActiveStageIds()), None)
                executors = cluster.executors()
                if stage is not None and executors:
                    # If the executor has ended meanwhile, the loop tries again with others.
                    with contextlib.suppress(ProcessLookupError, StopIteration):
                        action(executors, lambda stage=stage: stage in tracker.getActiveStageIds())
                        acted.append(stage)
                        break

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield acted
    finally:
        done.set()
        thread.join()


def libraries(pid):
    """The number of copies of the native library that a process has mapped."""
    return len({"".join(line.split()[3:5]) for line in open(f"/proc/{pid}/maps") if "libxent" in line})


# ---- datasets ------------------------------------------------------------------------------------


def few_rows(spark, output):
    path = output / "few-rows.parquet"
    if not (path / "_SUCCESS").exists():
        to_bytes = F.udf(lambda x: np.array(x, np.float32).tobytes(), "binary", useArrow=False)
        few = spark.range(0, FEW, 1, 4).selectExpr("id AS few", logit_sql("id", 0, CLASSES, CLASSES) + " AS x")
        few.withColumn("b", to_bytes("x")).write.mode("overwrite").parquet(str(path))
    return spark.read.parquet(str(path))


def made(spark, output, ids, *more):
    """The rows of these ids, created in the partition of the id."""
    few = F.broadcast(few_rows(spark, output))
    turn = f"CAST(id DIV {FEW} AS INT)"
    return ids.join(few, F.expr(f"id % {FEW} = few")).selectExpr(
        "id", f"concat(slice(x, {turn} + 1, {CLASSES} - {turn}), slice(x, 1, {turn})) AS logits",
        label_sql("id", CLASSES) + " AS label", *more)


def dataset(spark, output, rows, partitions=TASKS):
    return made(spark, output, spark.range(0, rows, 1, partitions))


def table(spark, output, rows):
    """The rows in files, with logits also as binary columns."""
    path = output / f"rows-{rows}.parquet"
    if not (path / "_SUCCESS").exists():
        # Files of 50 MB: many tasks, also for few workers.
        ids = spark.range(0, rows, 1, max(rows // 6250, 8))
        at = f"4 * CAST(id DIV {FEW} AS INT)"
        turned = f"concat(substring(b, {at} + 1, {4 * CLASSES} - {at}), substring(b, 1, {at})) AS bytes"
        made(spark, output, ids, turned).write.mode("overwrite").parquet(str(path))
    return spark.read.parquet(str(path))


def shard_table(spark, output):
    """64 rows of a vocabulary, with each of seven shards in a separate file."""
    path = output / "shards.parquet"
    if not (path / "all").exists():
        shutil.rmtree(path, ignore_errors=True)
        ends = [min(end * CHUNK, VOCABULARY) for end in SHARDS]
        for first, end in zip(ends, ends[1:]):
            spark.range(0, VOCABULARY_ROWS, 1, 1).selectExpr(
                "id AS row", f"{first}L AS first_class", logit_sql("id", first, end, VOCABULARY) + " AS logits",
                label_sql("id", VOCABULARY) + " AS label").write.mode("append").parquet(str(path / "parts"))
        (path / "all").touch()
    # Each file is a partition.
    spark.conf.set("spark.sql.files.openCostInBytes", "128m")
    return spark.read.parquet(str(path / "parts"))


# ---- what must hold ------------------------------------------------------------------------------


LOSS = "xent_loss(logits, label) AS l"


def loss_of(data):
    return data.agg(F.expr(LOSS)).first()["l"]


def sharded(spark, data, **options):
    return spark._jvm.dev.xent.spark.ShardedLoss(data._jdf, VOCABULARY, options)


def total_of(spark, data):
    return DataFrame(sharded(spark, data).total(), spark).first()


def same(spark, loss, expected):
    """Equal to the last bit; the command does not compute the perplexity."""
    perplexity = spark._jvm.java.lang.StrictMath.exp(expected["loss"])
    return (
        loss["mean"] == expected["loss"] and loss["perplexity"] == perplexity
        and all(loss[name] == expected[name] for name in ("denominator", "rows", "valid_rows", "correct", "accuracy")))


def told(loss):
    return f"mean {loss['mean']}, perplexity {loss['perplexity']}, accuracy {loss['accuracy']}"


def shuffle(ids, partitions, *by):
    return ids.orderBy(F.xxhash64(*by, F.lit(partitions))).repartition(partitions)


def bits(cluster, output, rows, expected):
    spark = cluster.session()
    for partitions in PARTITIONS:
        ids = shuffle(spark.range(rows), partitions, "id")
        loss, seconds = timed(lambda ids=ids: loss_of(made(spark, output, ids)))
        check(f"{rows} rows in {partitions} partitions, shuffled, {seconds:.1f} s: {told(loss)}",
              same(spark, loss, expected))
    found = [libraries(pid) for pid in cluster.executors()]
    check(f"native libraries in each executor: {found}", found == [1, 1])
    groups = dataset(spark, output, rows).groupBy((F.col("id") % 3).alias("g")).agg(F.expr(LOSS)).collect()
    check("groups: their counts and correct add up", sum(g["l"]["rows"] for g in groups) == rows
          and sum(g["l"]["correct"] for g in groups) == expected["correct"])
    spark.stop()
    spark = cluster.session()
    few_rows(spark, output)
    application = spark.sparkContext.applicationId
    loss_of(dataset(spark, output, rows))
    spark.stop()
    sent = shuffled(cluster, application)
    say(f"     shuffled by xent_loss in {TASKS} partitions: {sent:,} bytes, {sent / rows:.3f} per row")
    check("far less is shuffled than the logits", 0 < sent < TASKS * 6000)


# Killed executors and second copies of tasks must not fail the application.
PATIENT = {"spark.task.maxFailures": 20, "spark.sql.shuffle.partitions": TASKS}
SPECULATIVE = {
    **PATIENT, "spark.serializer": "org.apache.spark.serializer.JavaSerializer", "spark.speculation": True,
    "spark.speculation.multiplier": 1.01, "spark.speculation.quantile": 0.1, "spark.speculation.interval": "10ms",
    "spark.speculation.minTaskRuntime": "0ms"}


def kills(cluster, what, query, expected, victims):
    """Kills executors and workers during the query."""
    spark = cluster.session(**PATIENT)
    actions = [getattr(cluster, "kill_" + victim) for victim in victims]
    with meanwhile(cluster, spark, 0.1, actions) as killed:
        loss, seconds = timed(lambda: query(spark))
    check(f"{what}; {' and '.join(victims)} killed by signal 9, {seconds:.1f} s: {told(loss)}",
          len(killed) == len(victims) and same(spark, loss, expected))
    application = spark.sparkContext.applicationId
    spark.stop()
    ends = [e["Task End Reason"]["Reason"] for e in cluster.events("SparkListenerTaskEnd", application)]
    lost = {reason: ends.count(reason) for reason in sorted(set(ends)) if reason != "Success"}
    removed = sum(1 for _ in cluster.events("SparkListenerExecutorRemoved", application))
    check(f"executors lost: {removed}; tasks that did not end well: {lost}", removed >= len(victims))


def speculation(cluster, what, query, expected):
    """Runs tasks twice, one of them slowly, with Java serialization."""
    spark = cluster.session(**SPECULATIVE)
    with meanwhile(cluster, spark, 0.75, [cluster.stall_executor]) as stalled:
        loss, seconds = timed(lambda: query(spark))
    check(f"{what}; an executor held up, speculative execution, {seconds:.1f} s: {told(loss)}",
          len(stalled) == 1 and same(spark, loss, expected))
    application = spark.sparkContext.applicationId
    spark.stop()
    copies = sum(1 for e in cluster.events("SparkListenerTaskStart", application) if e["Task Info"]["Speculative"])
    check(f"speculative copies of tasks: {copies}", copies > 0)


def in_place(output, rows):
    return f"{rows} rows", lambda spark: loss_of(dataset(spark, output, rows))


def all_shuffled(output, rows):
    return f"{rows} rows, all logits shuffled", lambda spark: loss_of(
        dataset(spark, output, rows).repartition(TASKS, "id"))


def linear(cluster, output, rows):
    """Losses of hidden states; the first logits serve as hidden states."""
    folder = write_npy(output / f"rows-{rows}", rows, CLASSES)
    np.save(folder / "hidden.npy", np.load(folder / "logits.npy", mmap_mode="r")[:, :FEATURES] / 8)
    weights = folder / "weights.npy"
    np.save(weights, logits(np.arange(CLASSES, dtype=np.int64), FEATURES))
    expected = xent("linear-cross-entropy", folder / "hidden.npy", weights, folder / "labels.npy", "--json")
    say(f"     xent linear-cross-entropy: {expected}")
    spark = cluster.session()
    for partitions in PARTITIONS:
        data = made(spark, output, shuffle(spark.range(rows), partitions, "id")).selectExpr(
            f"transform(slice(logits, 1, {FEATURES}), x -> CAST(x / 8 AS FLOAT)) AS hidden", "label")
        loss = data.agg(F.expr(f"xent_linear_loss(hidden, label, map('weights', '{weights}')) AS l")).first()["l"]
        check(f"{rows} hidden states in {partitions} partitions, shuffled: {told(loss)}", same(spark, loss, expected))
    spark.stop()


def shards(cluster, output):
    folder = write_npy(output / "vocabulary", VOCABULARY_ROWS, VOCABULARY)
    expected = cross_entropy(folder, "labels.npy", "--gradient", folder / "gradient.npy")
    spark = cluster.session()
    data = shard_table(spark, output)
    what = f"{VOCABULARY_ROWS} rows of {VOCABULARY} classes in {len(SHARDS) - 1} shards"
    for partitions in PARTITIONS:
        total = total_of(spark, shuffle(data, partitions, "row", "first_class"))
        check(f"{what}, {partitions} partitions, shuffled: {told(total)}", same(spark, total, expected))
    gradient = np.zeros((VOCABULARY_ROWS, VOCABULARY), np.float32)
    gradients = sharded(spark, data, denominator=str(VOCABULARY_ROWS)).gradients()
    for row in DataFrame(gradients, spark).toLocalIterator():
        part = np.array(row["gradient"], np.float32)
        gradient[row["row"], row["first_class"] : row["first_class"] + len(part)] = part
    check("their gradient has the same bits",
          np.array_equal(gradient.view(np.int32), np.load(folder / "gradient.npy").view(np.int32)))
    spark.stop()

    def query(spark):
        return total_of(spark, shard_table(spark, output).repartition(TASKS))

    kills(cluster, what, query, expected, ["worker"])
    speculation(cluster, what, query, expected)
    bytes_of_shards(cluster, output)


def shuffled(cluster, application):
    """The bytes that all tasks wrote for the shuffle."""
    return sum(
        e["Task Metrics"]["Shuffle Write Metrics"]["Shuffle Bytes Written"]
        for e in cluster.events("SparkListenerTaskEnd", application) if e.get("Task Metrics"))


def ui_metrics(spark):
    """The metrics of the steps of all queries in Spark's UI."""
    context = spark.sparkContext
    context._jsc.sc().listenerBus().waitUntilEmpty()
    url = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/sql?details=true&length=1000"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
        return {
            (node["nodeName"], metric["name"]): metric["value"].splitlines()[-1]
            for query in json.load(answer) for node in query["nodes"] for metric in node["metrics"]}


def bytes_of_shards(cluster, output):
    """The bytes that sharded losses send, without the logits, which stay in place; and where Spark's UI shows them."""
    spark = cluster.session()
    application = spark.sparkContext.applicationId
    total_of(spark, shard_table(spark, output))
    metrics = ui_metrics(spark)
    wanted = [("Exchange", "shuffle bytes written"), ("ObjectHashAggregate", "time in aggregation build")]
    check(f"metrics in the UI: {[(*name, metrics.get(name)) for name in wanted]}",
          all(name in metrics for name in wanted))
    spark.stop()
    sent = shuffled(cluster, application)
    of_logits = VOCABULARY_ROWS * VOCABULARY * 4
    say(f"     shuffled: {sent:,} bytes, {sent / VOCABULARY_ROWS:,.0f} per row, "
        f"{sent / VOCABULARY_ROWS / (len(SHARDS) - 1):,.0f} per shard; logits have {of_logits / max(sent, 1):.0f} times"
        " as many")
    check("far less is shuffled than the logits", 0 < sent < of_logits / 50)


# ---- speed ---------------------------------------------------------------------------------------


XENT = {
    "read alone": "sum(logits[label])",
    "xent_loss": "xent_loss(logits, label)",
    "xent_loss of bytes": "xent_loss(bytes, label, map('type', 'float32'))",
    "xent_softmax": "sum(xent_softmax(logits)[label])",
}
# Does not subtract the largest logit first, which these numbers do not need: the least possible work.
OWN_SUM = "aggregate(logits, 0D, (s, x) -> s + exp(CAST(x AS DOUBLE)))"
OWN = {
    "Spark's aggregate, a loss": f"avg(ln({OWN_SUM}) - logits[label])",
    "Spark's transform, a softmax": (
        f"sum(element_at(transform(array({OWN_SUM}), s -> transform(logits, x -> exp(CAST(x AS DOUBLE)) / s)), 1)"
        "[label])"),
}


def torch_udfs():
    """Mean losses by PyTorch: from a usual pandas UDF, and from Arrow's memory without a copy."""
    import pandas as pd
    import pyarrow as pa
    import torch

    def losses(rows, label):
        torch.set_num_threads(1)
        return torch.nn.functional.cross_entropy(rows, torch.from_numpy(label), reduction="none").numpy()

    @F.pandas_udf("float")
    def of_pandas(x: pd.Series, label: pd.Series) -> pd.Series:
        return pd.Series(losses(torch.from_numpy(np.stack(x.to_numpy())), label.to_numpy().astype(np.int64)))

    @F.arrow_udf("float")
    def of_arrow(x: pa.Array, label: pa.Array) -> pa.Array:
        rows = torch.from_numpy(x.flatten().to_numpy()).reshape(len(x), -1)
        return pa.array(losses(rows, label.to_numpy().astype(np.int64)))

    return {"PyTorch in a pandas UDF": of_pandas, "PyTorch in an Arrow UDF": of_arrow}


def rates(data, rows, queries, turns, warm_up=1):
    """Rows per second of aggregates: the medians of alternating turns, after warm-up turns."""
    queries = {name: F.expr(query) if isinstance(query, str) else query for name, query in queries.items()}
    times = {name: [] for name in queries}
    for _ in range(warm_up + turns):
        for name, query in queries.items():
            times[name].append(timed(lambda query=query: data.agg(query).collect())[1])
    return {name: rows / statistics.median(seconds[warm_up:]) for name, seconds in times.items()}


def peers(cluster, output, rows):
    """Rows per second compared with Spark's own functions and PyTorch, on both workers."""
    spark = cluster.session()
    found = rates(table(spark, output, rows), rows, XENT, 3)
    xent_loss = found["xent_loss"]

    def tell(found):
        for name, rate in found.items():
            say(f"     two workers, {name}: {rate:,.0f} rows/s; xent_loss over it: {xent_loss / rate:.2f}")

    tell(found)
    try:
        udfs = {name: F.avg(udf("logits", "label")) for name, udf in torch_udfs().items()}
        tell(rates(table(spark, output, rows), rows, udfs, 2))
    except ImportError as e:
        say(f"     no Python UDF: {e}")
    tell(rates(table(spark, output, rows), rows, OWN, 1))
    spark.stop()


def scaling(cluster, output, rows):
    """Two workers compared with one.

    The driver shares their cores, and its work per query takes the same time for both. Two executors have half the rows
    each to compile their code with, so they run more warm-up turns.
    """
    found = []
    for workers in (1, 2):
        spark = cluster.session(workers)
        made_there = {"xent_loss of rows made by tasks": XENT["xent_loss"]}
        found.append(rates(dataset(spark, output, 5 * rows), 5 * rows, made_there, 2, workers))
        of_files = {name: XENT[name] for name in ("xent_loss", "xent_loss of bytes")}
        found[-1].update(rates(table(spark, output, rows), rows, of_files, 3, 2 * workers))
        spark.stop()
    for name in found[0]:
        one, two = found[0][name], found[1][name]
        say(f"     {name}: one worker {one:,.0f} rows/s, two {two:,.0f}: {two / one:.2f} times as many")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=20_000, help=f"a multiple of {FEW}, up to 2,000,000")
    parser.add_argument("--timed-rows", type=int, default=100_000, help=f"a multiple of {FEW}")
    parser.add_argument("--only", default="guide,python,bits,kill,kills,speculation,linear,shards,peers,scaling")
    chosen = parser.parse_args()
    # Ends the cluster with this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parts = chosen.only.split(",")
    output, rows = chosen.output, chosen.rows
    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    if "guide" in parts:
        parts.remove("guide")
        differs = guide.check()
        check(f"the commands of docs/spark.md print what the page has{differs and ': ' + differs}", not differs)
    if "python" in parts:
        parts.remove("python")
        environment = dict(os.environ, PYTHONPATH=str(ROOT / "python/src"),
                           XENT_LIBRARY=str(ROOT / "java/xent/target/native/libxent.so"))
        tests = [sys.executable, "-m", "pytest", "-q", str(ROOT / "python/tests/test_spark.py")]
        check("pyxent.spark, classic and with Spark Connect", subprocess.run(tests, env=environment).returncode == 0)
    expected = None
    if not {"linear", "shards", "peers", "scaling"}.issuperset(parts):
        folder = write_npy(output / f"rows-{rows}", rows, CLASSES)
        expected = cross_entropy(folder, "labels.npy")
    with Cluster(output) if parts else contextlib.nullcontext() as cluster:
        run = {
            "bits": lambda: bits(cluster, output, rows, expected),
            "kill": lambda: kills(cluster, *in_place(output, rows), expected, ["worker"]),
            "kills": lambda: kills(cluster, *all_shuffled(output, rows), expected, ["executor", "worker"]),
            "speculation": lambda: speculation(cluster, *in_place(output, rows), expected),
            "linear": lambda: linear(cluster, output, min(rows, 20_000)),
            "shards": lambda: shards(cluster, output),
            "peers": lambda: peers(cluster, output, chosen.timed_rows),
            "scaling": lambda: scaling(cluster, output, 4 * chosen.timed_rows),
        }
        for part in parts:
            say(f"     {part}: {timed(run[part])[1]:.0f} s")
    say(f"{len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()

// SPDX-License-Identifier: Apache-2.0
package dev.xent.release;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Only jobs that need keys or the right to write have them, and run only reviewed actions. */
class WorkflowsTest {
  private static final Path ROOT =
      Path.of(System.getProperty("basedir", "")).toAbsolutePath().resolve("../..").normalize();
  private static final Path WORKFLOWS = ROOT.resolve(".github/workflows");
  private static final Path REQUIREMENTS = ROOT.resolve(".github/requirements");
  private static final JSON YAML = JSON.builder(new YAMLFactory()).build();

  private static final Pattern USES = Pattern.compile("^ *(?:- )?uses: *(.*)$", Pattern.MULTILINE);
  private static final Pattern PINNED =
      Pattern.compile("([\\w.-]+/[\\w.-]+)(?:/[\\w.-]+)*@([0-9a-f]{40}) # v\\d+(?:\\.\\d+)+");
  private static final Pattern INSTALLER =
      Pattern.compile("\\b(pip3?|pipx|uv|npm|npx|cargo|gem|brew|choco)\\b[^&|;]*\\binstall\\b");

  /** All who can read the repository may read it. */
  private static final Set<String> HARMLESS = Set.of("contents: read", "actions: read");

  /** Everything else that any job may do. */
  private static final Map<String, Set<String>> ALLOWED =
      Map.of(
          "release/attest", Set.of("id-token: write", "attestations: write"),
          "release/sigstore", Set.of("id-token: write"),
          "release/draft", Set.of("contents: write"),
          "release/pypi", Set.of("id-token: write"),
          "codeql/analyze", Set.of("security-events: write"),
          "scorecard/scorecard", Set.of("security-events: write", "id-token: write"));

  private static final Map<String, String> ENVIRONMENTS =
      Map.of("release/sign", "release", "release/pypi", "pypi");

  /** What a job with a key, or with a right to write, runs in addition to actions. */
  private static final List<Pattern> NO_BUILD =
      List.of(
          Pattern.compile("release/sign \"\\$RUNNER_TEMP/release\""),
          Pattern.compile("release/sigstore \"\\$RUNNER_TEMP/release\""),
          Pattern.compile("pip install --require-hashes -r \\.github/requirements/sigstore\\.txt"),
          Pattern.compile("gh release create [^;&|]*"));

  private static final Set<String> NO_BUILD_ACTIONS =
      Set.of(
          "actions/checkout",
          "actions/setup-python",
          "actions/download-artifact",
          "actions/upload-artifact",
          "actions/attest",
          "pypa/gh-action-pypi-publish",
          "ossf/scorecard-action",
          "github/codeql-action/upload-sarif");

  /**
   * A job of a workflow.
   *
   * @param workflow its file without the ending
   * @param id of the job
   * @param values what the file says of it
   */
  private record Job(String workflow, String id, Map<String, Object> values) {
    Set<String> permissions() {
      return lines(values.get("permissions"));
    }

    List<Map<String, Object>> steps() {
      return list(values.get("steps")).stream().map(WorkflowsTest::map).toList();
    }

    Stream<String> runs() {
      return steps().stream().map(step -> (String) step.get("run")).filter(Objects::nonNull);
    }

    Stream<String> actions() {
      return steps().stream()
          .map(step -> (String) step.get("uses"))
          .filter(Objects::nonNull)
          .map(uses -> uses.replaceFirst("@.*", ""));
    }

    Set<String> needs() {
      Object needs = values.getOrDefault("needs", List.of());
      return needs instanceof String one ? Set.of(one) : Set.copyOf(strings(needs));
    }

    boolean hasSecret() {
      return values.toString().contains("secrets.");
    }

    boolean mayWrite() {
      return permissions().stream().anyMatch(permission -> permission.endsWith("write"));
    }

    @Override
    public String toString() {
      return workflow + "/" + id;
    }
  }

  @Test
  void actionsArePinnedToCommits() {
    Map<String, String> commits = new HashMap<>();
    for (Path file : workflows()) {
      for (MatchResult uses : USES.matcher(read(file)).results().toList()) {
        String action = uses.group(1);
        assertThat(action).as("%s: a commit and its tag", file).matches(PINNED);
        MatchResult pinned = PINNED.matcher(action).results().findFirst().orElseThrow();
        String commit = commits.computeIfAbsent(pinned.group(1), name -> pinned.group(2));
        assertThat(pinned.group(2)).as("%s in all workflows", pinned.group(1)).isEqualTo(commit);
      }
    }
    assertThat(commits).isNotEmpty();
  }

  @Test
  void jobsMayDoWhatTheyMustAndNothingElse() {
    for (Path file : workflows()) {
      assertThat(lines(yaml(file).get("permissions"))).as("%s: of all jobs", file).isEmpty();
    }
    for (Job job : jobs()) {
      Set<String> more = new HashSet<>(job.permissions());
      more.removeAll(HARMLESS);
      assertThat(more).as("%s may", job).isEqualTo(ALLOWED.getOrDefault(job.toString(), Set.of()));
    }
  }

  @Test
  void secretsStayInOneJobBehindAnEnvironment() {
    assertThat(jobs().stream().filter(Job::hasSecret).map(Job::toString))
        .containsExactly("release/sign");
    for (Path file : workflows()) {
      Map<String, Object> workflow = new HashMap<>(yaml(file));
      workflow.remove("jobs");
      assertThat(workflow.toString()).as("%s: of all jobs", file).doesNotContain("secrets.");
    }
    for (Job job : jobs()) {
      assertThat(job.values().get("environment"))
          .as("environment of %s", job)
          .isEqualTo(ENVIRONMENTS.get(job.toString()));
    }
  }

  @Test
  void whoHoldsAKeyOrMayWriteRunsNoBuild() {
    List<Job> trusted =
        jobs().stream()
            .filter(job -> job.hasSecret() || job.mayWrite())
            // CodeQL compiles to read; it may write findings alone.
            .filter(job -> !job.workflow().equals("codeql"))
            .toList();
    assertThat(trusted).hasSize(6);
    for (Job job : trusted) {
      assertThat(job.runs())
          .as("%s runs", job)
          .allMatch(run -> NO_BUILD.stream().anyMatch(known -> known.matcher(run).matches()));
      assertThat(NO_BUILD_ACTIONS).as("%s uses", job).containsAll(job.actions().toList());
    }
  }

  @Test
  void aReleaseWaitsForItsTagAndItsTests() {
    Map<String, Job> release = new HashMap<>();
    jobs().stream()
        .filter(job -> job.workflow().equals("release"))
        .forEach(job -> release.put(job.id(), job));
    assertThat(release.get("verify").runs())
        .containsExactly("release/verify-tag \"$GITHUB_REF_NAME\" \"$GITHUB_REPOSITORY\"");
    for (Job job : release.values()) {
      if (!job.id().equals("verify")) {
        assertThat(before(job, release)).as("before %s", job).contains("verify");
      }
      assertThat(job.values()).as("%s is never left out", job).doesNotContainKey("if");
    }
    for (String published : List.of("draft", "pypi")) {
      assertThat(before(release.get(published), release))
          .as("before %s", published)
          .contains("build", "wheels", "attest", "sigstore", "sign");
    }
  }

  private static Set<String> before(Job job, Map<String, Job> all) {
    Set<String> before = new HashSet<>(job.needs());
    job.needs().forEach(name -> before.addAll(before(all.get(name), all)));
    return before;
  }

  /** The rest runs every night. */
  @Test
  void aPullRequestRunsOneQuickJobAndFourPlatforms() {
    Set<String> jobs = new HashSet<>();
    for (Job job : jobs()) {
      if (events(job.workflow()).containsKey("pull_request")) {
        jobs.add(job.toString());
        assertThat((int) job.values().get("timeout-minutes")).as("%s", job).isLessThanOrEqualTo(60);
      }
    }
    assertThat(jobs)
        .containsExactlyInAnyOrder(
            "check/check",
            "build/linux",
            "build/arm",
            "build/libraries", // which the next two load
            "build/macos",
            "build/windows");
  }

  /** No push may be left out: a release needs the build of its own commit. */
  @Test
  void changesOfPagesAloneRunTheQuickJob() {
    Map<String, Object> build = events("build");
    assertThat(strings(map(build.get("pull_request")).get("paths-ignore")))
        .containsExactlyInAnyOrder("**.md", "docs/**", "site/**");
    assertThat(map(build.get("push"))).containsOnlyKeys("branches");
    assertThat(events("check").get("pull_request")).isNull();
  }

  /** {@code release/verify-tag} asks for these two. */
  @Test
  void aReleaseNeedsWorkflowsThatExist() {
    String tool = read(ROOT.resolve("release/verify-tag"));
    assertThat(tool).contains("for workflow in build.yml nightly.yml; do");
    assertThat(jobs().stream().map(Job::workflow)).contains("build", "nightly");
    assertThat(events("nightly")).containsOnlyKeys("schedule", "workflow_dispatch");
  }

  private static Map<String, Object> events(String workflow) {
    return map(yaml(WORKFLOWS.resolve(workflow + ".yml")).get("on"));
  }

  @Test
  void tagsOfReleasesAndCandidatesMakeAReleaseAndNoOthers() {
    Map<String, Object> push =
        map(map(yaml(WORKFLOWS.resolve("release.yml")).get("on")).get("push"));
    List<Pattern> patterns =
        strings(push.get("tags")).stream()
            .map(filter -> Pattern.compile(filter.replace(".", "\\.")))
            .toList();
    assertThat(List.of("v12.30.45", "v12.30.45-rc1", "v12.30.45-rc12"))
        .allMatch(tag -> patterns.stream().anyMatch(known -> known.matcher(tag).matches()));
    assertThat(List.of("v12.30.45-SNAPSHOT", "v12.30", "v12.30.45rc1", "12.30.45", "v12.30.45-rc"))
        .noneMatch(tag -> patterns.stream().anyMatch(known -> known.matcher(tag).matches()));
  }

  @Test
  void whatIsInstalledHasTheHashThatIsWrittenDown() throws IOException {
    Set<String> used = new HashSet<>();
    for (Job job : jobs()) {
      for (String run : job.runs().filter(run -> INSTALLER.matcher(run).find()).toList()) {
        assertThat(run)
            .as("%s", job)
            .matches("pip install --require-hashes -r \\.github/requirements/[a-z-]+\\.txt");
        used.add(run.replaceFirst(".*/", ""));
      }
    }
    assertThat(used).isNotEmpty();
    Stream<Path> site = Stream.of(ROOT.resolve("site/requirements.txt"));
    try (Stream<Path> files = Files.list(REQUIREMENTS)) {
      Stream<Path> lists = files.filter(path -> path.toString().endsWith(".txt"));
      for (Path file : Stream.concat(lists, site).toList()) {
        String text = read(file).replaceAll("(?m)^ *#.*\n", "").replace("\\\n", "");
        assertThat(text.lines())
            .as("%s", file)
            .isNotEmpty()
            .allMatch(line -> line.matches("\\S+==\\S+ .*--hash=sha256:[0-9a-f]{64}"));
        used.remove(file.getFileName().toString());
      }
    }
    assertThat(used).as("lists that are missing").isEmpty();
  }

  @Test
  void theCompilerOfTheReleaseIsTheOneThatItsToolNames() {
    MatchResult version =
        Pattern.compile("^VERSION = \"(.*)\"$", Pattern.MULTILINE)
            .matcher(read(ROOT.resolve("release/cross-natives")))
            .results()
            .findFirst()
            .orElseThrow();
    assertThat(read(REQUIREMENTS.resolve("release.txt")))
        .contains("\nziglang==" + version.group(1) + " ");
  }

  /** The name of the repository is not fixed yet. */
  @Test
  void findingsAreOnlyUploadedWhereGitHubAcceptsThem() {
    Map<String, Object> conditions = new HashMap<>();
    jobs().stream()
        .filter(job -> job.permissions().contains("security-events: write"))
        .forEach(job -> conditions.put(job.toString(), job.values().get("if")));
    String isPublic = "github.event.repository.private == false";
    assertThat(conditions)
        .isEqualTo(
            Map.of(
                "codeql/analyze",
                isPublic,
                "scorecard/scorecard",
                "github.event.repository.fork == false && " + isPublic));
  }

  @Test
  void nothingFromOutsideIsRunAsACommand() {
    for (Path file : workflows()) {
      Set<String> events = map(yaml(file).get("on")).keySet();
      assertThat(events).as("%s", file).doesNotContain("pull_request_target", "workflow_run");
    }
    for (Job job : jobs()) {
      assertThat(job.runs()).as("%s runs", job).noneMatch(run -> run.contains("${{"));
      assertThat(job.values()).as("%s", job).containsKey("timeout-minutes");
      for (Map<String, Object> step : job.steps()) {
        if (String.valueOf(step.get("uses")).startsWith("actions/checkout@")) {
          assertThat(map(step.get("with")))
              .as("%s: a checkout leaves no token", job)
              .containsEntry("persist-credentials", false);
        }
      }
    }
  }

  @Test
  void whatIsPinnedIsMovedByABot() {
    Map<String, Object> dependabot = yaml(ROOT.resolve(".github/dependabot.yml"));
    Set<String> ecosystems = new HashSet<>();
    for (Object entry : list(dependabot.get("updates"))) {
      Map<String, Object> update = map(entry);
      ecosystems.add((String) update.get("package-ecosystem"));
      Object one = update.get("directory");
      for (String folder :
          one == null ? strings(update.get("directories")) : List.of((String) one)) {
        assertThat(ROOT.resolve(folder.substring(1))).isDirectory();
      }
    }
    assertThat(ecosystems).contains("github-actions", "maven", "pip", "uv");
  }

  private static List<Path> workflows() {
    try (Stream<Path> files = Files.list(WORKFLOWS)) {
      return files.sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Job> jobs() {
    return workflows().stream()
        .flatMap(
            file -> {
              String name = file.getFileName().toString().replaceFirst("\\.yml$", "");
              return map(yaml(file).get("jobs")).entrySet().stream()
                  .map(entry -> new Job(name, entry.getKey(), map(entry.getValue())));
            })
        .toList();
  }

  private static Set<String> lines(Object permissions) {
    Set<String> lines = new HashSet<>();
    map(permissions).forEach((name, right) -> lines.add(name + ": " + right));
    return lines;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, Object> yaml(Path file) {
    try {
      return YAML.mapFrom(read(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @SuppressWarnings("unchecked") // keys in these files are texts
  private static Map<String, Object> map(Object value) {
    return (Map<String, Object>) Objects.requireNonNull(value);
  }

  private static List<?> list(Object value) {
    return (List<?>) Objects.requireNonNull(value);
  }

  private static List<String> strings(Object value) {
    return list(value).stream().map(String.class::cast).toList();
  }
}

//! Suite `kotlin`: the Android modules, compiled and tested on the JVM with the real library (`android/check/pom.xml`).
//! **Invariant:** every test that the sources declare is in the reports; fewer is a failure, not a smaller number.
//! It does not run Gradle: that needs a registry of Google's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    bindings::{self, Language},
    process,
    repo::Repo,
    report::Tally,
};

const POM: &str = "android/check/pom.xml";
const TOML: &str = "android/gradle/libs.versions.toml";

/// Properties of the pom, and the versions of the Gradle build that they must be equal to.
const SAME: &[(&str, &str)] = &[
    ("annotation.version", "androidx-annotation"),
    ("coroutines.version", "coroutines"),
    ("dokka.version", "dokka"),
    ("jna.version", "jna"),
    ("junit.version", "junit"),
    ("kotlin.version", "kotlin"),
    ("mockito.version", "mockito"),
    ("proguard.version", "proguard"),
    ("robolectric.version", "robolectric"),
];

/// Checks the builds' files, then runs the tests; JUnit's counts are taken over.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    tally.check("versions of Maven and Gradle", versions(repo));
    tally.check("Gradle modules", modules(repo));
    tally.check("documentation of what is public", documented(repo));
    let declared = match declared(repo) {
        Ok(declared) => declared,
        Err(why) => {
            tally.fail(format!("{why:#}"));
            return tally;
        }
    };
    if let Err(why) = tools(repo) {
        tally.skip(format!("{} tests: {why:#}", declared.len()));
        return tally;
    }
    let folder = match bindings::for_tests(repo, Language::Kotlin) {
        Ok(folder) => folder,
        Err(why) => {
            tally.fail(format!("{why:#}"));
            return tally;
        }
    };
    let output = repo.target.join("android-check");
    for stale in ["classes", "test-classes", "surefire-reports"] {
        let _ = fs::remove_dir_all(output.join(stale)); // not there on a fresh machine
    }
    let mut maven = maven(repo, &folder);
    maven.arg("-Dmaven.test.failure.ignore=true"); // failures are read from the reports; both halves run
    let shown = |line: &str| {
        ["COST", "Tests run:", "[ERROR]", "resident"].iter().any(|s| line.contains(s))
            && !line.contains("at org.")
    };
    match process::stream(&mut maven, shown) {
        Ok(end) if end.success => tally.add(reports(&output.join("surefire-reports"), &declared)),
        Ok(end)
            if ["Could not transfer", "Unknown host", "Could not resolve"].iter().any(|s| end.says(s)) =>
        {
            tally.skip(format!(
                "{} tests: Maven's registry cannot be reached: {}",
                declared.len(),
                end.tail(3)
            ));
        }
        Ok(end) => tally.fail(format!("Maven failed ({}):\n{}", end.status, errors(&end.lines))),
        Err(why) => tally.fail(format!("{why:#}")),
    }
    tally
}

/// Maven, to run the tests.
fn maven(repo: &Repo, bindings: &Path) -> Command {
    let mut maven = repo.command("mvn");
    maven
        .args(["--batch-mode", "--no-transfer-progress", "--file", POM, "test"])
        .arg(format!("-Dinbetween.target={}", repo.target.display()))
        .arg(format!("-Dbindings.dir={}", bindings.display()));
    maven
}

/// What the tests of costs print.
pub fn costs(repo: &Repo) -> Result<Vec<String>> {
    tools(repo)?;
    let folder = bindings::for_tests(repo, Language::Kotlin)?;
    let mut maven = maven(repo, &folder);
    maven.args(["-Dtest=CostTest", "-Dsurefire.failIfNoSpecifiedTests=false"]);
    let end = process::stream(&mut maven, |line| line.contains("COST"))?;
    if !end.success {
        bail!("the tests of costs failed:\n{}", errors(&end.lines));
    }
    Ok(end.lines)
}

/// Maven and a JDK, installed from the distribution's registry when they are missing and we may.
fn tools(repo: &Repo) -> Result<()> {
    let works = |program: &str, argument: &str| {
        process::capture(repo.command(program).arg(argument)).is_ok_and(|end| end.success)
    };
    let there = || works("javac", "-version") && works("mvn", "--version");
    if there() {
        return Ok(());
    }
    const PACKAGES: &[&str] = &["default-jdk-headless", "maven"];
    let wanted = PACKAGES.join(" ");
    let root =
        process::capture(repo.command("id").arg("-u")).is_ok_and(|end| end.lines.iter().any(|l| l == "0"));
    if !root || !works("apt-get", "--version") {
        bail!("no JDK and Maven: `apt-get install {wanted}`");
    }
    eprintln!("  installing {wanted}");
    for arguments in [&["update"][..], &[&["install", "--yes", "--no-install-recommends"], PACKAGES].concat()]
    {
        let mut apt = repo.command("apt-get");
        apt.arg("--quiet=2").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        let end = process::capture(&mut apt)?;
        if !end.success {
            bail!("apt-get {} failed: {}", arguments.join(" "), end.tail(3));
        }
    }
    if there() { Ok(()) } else { bail!("{wanted} are installed and do not run") }
}

/// Both builds use the same versions, and the modules are of the workspace's version.
fn versions(repo: &Repo) -> Result<()> {
    let pom = repo.read(POM)?;
    let toml: toml::Table = repo.read(TOML)?.parse()?;
    let gradle = toml.get("versions").and_then(|v| v.as_table()).context("no [versions]")?;
    for (property, key) in SAME {
        let maven =
            between(&pom, &format!("<{property}>"), "</").with_context(|| format!("{POM}: no {property}"))?;
        let gradle =
            gradle.get(*key).and_then(|v| v.as_str()).with_context(|| format!("{TOML}: no {key}"))?;
        if maven != gradle {
            bail!("{key} is {maven} in {POM} and {gradle} in {TOML}");
        }
    }
    let manifest: toml::Table = repo.read("Cargo.toml")?.parse()?;
    let version = manifest.get("workspace").and_then(|w| w.get("package")).and_then(|p| p.get("version"));
    let version = version.and_then(|v| v.as_str()).context("Cargo.toml has no workspace.package.version")?;
    for module in ["inbetween", "inbetween-camerax"] {
        let file = format!("android/{module}/build.gradle.kts");
        if !repo.read(&file)?.contains(&format!("\nversion = \"{version}\"")) {
            bail!("{file} is not of version {version}");
        }
    }
    Ok(())
}

/// The Gradle files say what the library promises: platforms, architectures, pages, rules, sources.
fn modules(repo: &Repo) -> Result<()> {
    for (file, needed) in [
        ("android/settings.gradle.kts", &["\":inbetween\", \":inbetween-camerax\", \":sample\""][..]),
        (TOML, &["min-sdk = \"24\"", "ndk = \"28"]),
        (
            "android/inbetween/build.gradle.kts",
            &[
                "\"arm64-v8a\", \"armeabi-v7a\", \"x86_64\"",
                "consumerProguardFiles(\"consumer-rules.pro\")",
                "type = \"aar\"",
                "withSourcesJar()",
                "useLegacyPackaging = false",
            ],
        ),
        ("bindings/build.rs", &["max-page-size=16384"]),
        (
            "android/inbetween/consumer-rules.pro",
            &["com.sun.jna.**", "Structure", "Callback", "native <methods>"],
        ),
    ] {
        let text = repo.read(file)?;
        if let Some(missing) = needed.iter().find(|n| !text.contains(**n)) {
            bail!("{file} lacks {missing}");
        }
    }
    Ok(())
}

/// Every public declaration of the Android modules has a documentation comment before it.
fn documented(repo: &Repo) -> Result<()> {
    let mut missing = Vec::new();
    for file in repo.files()? {
        if file.starts_with("android/inbetween") && file.contains("/src/main/kotlin/") {
            missing.extend(undocumented(&repo.read(&file)?).iter().map(|line| format!("{file}:{line}")));
        }
    }
    if !missing.is_empty() {
        bail!("no documentation: {}", missing.join(", "));
    }
    Ok(())
}

/// Lines, from 1, of public declarations without a comment before them and their annotations. What a constructor or a list
/// of parameters declares is documented with its class; what is overridden, where it comes from.
fn undocumented(text: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let (mut documented, mut parentheses) = (false, 0_i32);
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim();
        let declares = code.starts_with("public ") && parentheses == 0;
        if declares && !documented && !code.contains("companion object") && !code.contains("override ") {
            lines.push(number);
        }
        if !code.starts_with(['*', '/']) {
            parentheses += code.matches('(').count() as i32 - code.matches(')').count() as i32;
        }
        documented = code.ends_with("*/") || (documented && (code.starts_with('@') || code == "constructor"));
    }
    lines
}

/// Every test of the sources: class and method.
fn declared(repo: &Repo) -> Result<BTreeSet<(String, String)>> {
    let mut tests = BTreeSet::new();
    for file in repo.files()?.iter().filter(|f| f.starts_with("android/") && f.contains("/src/test/")) {
        if let Some(class) = file.rsplit('/').next().and_then(|n| n.strip_suffix("Test.kt")) {
            let text = repo.read(file)?;
            tests.extend(methods(&text).into_iter().map(|m| (format!("{class}Test"), m)));
        }
    }
    if tests.is_empty() {
        bail!("no tests below android/");
    }
    Ok(tests)
}

/// The methods with `@Test` or `@ParameterizedTest`.
fn methods(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = false;
    for line in text.lines().map(str::trim) {
        waiting |= line.starts_with("@Test") || line.starts_with("@ParameterizedTest");
        if let Some(name) = line.strip_prefix("fun ").filter(|_| waiting) {
            let name = name.strip_prefix('`').map_or_else(|| name.split('(').next(), |n| n.split('`').next());
            found.extend(name.map(str::to_owned));
            waiting = false;
        }
    }
    found
}

/// Reads JUnit's reports; a declared test that is in none did not run.
fn reports(folder: &Path, declared: &BTreeSet<(String, String)>) -> Tally {
    let mut tally = Tally::default();
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for file in files.filter(|f| f.extension().is_some_and(|e| e == "xml")) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        for (class, test, outcome) in cases(&text) {
            let method = test.split(['(', '[']).next().unwrap_or(&test).trim_end_matches("$check").to_owned();
            *seen.entry((class.clone(), method)).or_default() += 1;
            match outcome {
                Outcome::Passed => tally.pass(),
                Outcome::Failed(why) => tally.fail(format!("{class}: {test}: {why}")),
                Outcome::Skipped => tally.skip(format!("{class}: {test}: skipped by JUnit")),
            }
        }
    }
    for (class, method) in declared.iter().filter(|t| !seen.contains_key(*t)) {
        tally.fail(format!("{class}: {method}: did not run"));
    }
    tally
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed(String),
    Skipped,
}

/// Class, name and outcome of each `<testcase …>`.
fn cases(report: &str) -> Vec<(String, String, Outcome)> {
    let mut cases = Vec::new();
    for case in report.split("<testcase ").skip(1) {
        let Some((attributes, rest)) = case.split_once('>') else { continue };
        let attribute = |name: &str| {
            let value = between(&format!(" {attributes}"), &format!(" {name}=\""), "\"").unwrap_or_default();
            value.replace("&apos;", "'").replace("&#39;", "'").replace("&quot;", "\"").replace("&amp;", "&")
        };
        let class = attribute("classname");
        let class = class.rsplit('.').next().unwrap_or_default().to_owned();
        let child = rest.trim_start();
        let outcome = if attributes.ends_with('/') {
            Outcome::Passed
        } else if child.starts_with("<failure") || child.starts_with("<error") {
            let message = child.split_once('>').map_or("", |(_, text)| text).trim_start_matches("<![CDATA[");
            Outcome::Failed(message.lines().next().unwrap_or_default().to_owned())
        } else if child.starts_with("<skipped") {
            Outcome::Skipped
        } else {
            Outcome::Passed
        };
        cases.push((class, attribute("name"), outcome));
    }
    cases
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let rest = text.split_once(before)?.1;
    rest.split_once(after).map(|(inside, _)| inside.to_owned())
}

/// What Maven calls errors, shortened.
fn errors(lines: &[String]) -> String {
    lines.iter().filter(|l| l.contains("[ERROR]")).take(20).cloned().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"<testsuite tests="4">
      <properties><property name="x" value="y"/></properties>
      <testcase name="a b(boolean)[1]" classname="dev.x.ATest" time="0.1"/>
      <testcase name="a b(boolean)[2]" classname="dev.x.ATest" time="0.1">
        <system-out><![CDATA[<failure]]></system-out>
      </testcase>
      <testcase name="c&apos;s" classname="dev.x.ATest" time="0.1">
        <failure message="no" type="T"><![CDATA[expected 1
at line]]></failure></testcase>
      <testcase name="d" classname="dev.x.BTest" time="0"><skipped/></testcase>
    </testsuite>"#;

    #[test]
    fn reports_are_counted_and_missing_tests_are_failures() {
        let cases = cases(REPORT);
        assert_eq!(cases.len(), 4);
        assert_eq!(cases[1].2, Outcome::Passed);
        assert_eq!(cases[2], ("ATest".into(), "c's".into(), Outcome::Failed("expected 1".into())));
        let folder = std::env::temp_dir().join(format!("xtask-kotlin-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("TEST-x.xml"), REPORT).expect("a file");
        let declared = |tests: &[(&str, &str)]| {
            tests.iter().map(|(c, m)| ((*c).to_owned(), (*m).to_owned())).collect::<BTreeSet<_>>()
        };
        let all = declared(&[("ATest", "a b"), ("ATest", "c's"), ("BTest", "d")]);
        assert_eq!(reports(&folder, &all).to_string(), "2 passed, 1 failed, 1 skipped");
        let more = declared(&[("ATest", "a b"), ("CTest", "a class that was passed over")]);
        assert_eq!(reports(&folder, &more).to_string(), "2 passed, 2 failed, 1 skipped");
        fs::remove_dir_all(&folder).expect("ours");
        assert_eq!(reports(&folder, &all).to_string(), "0 passed, 3 failed, 0 skipped");
    }

    #[test]
    fn what_is_public_needs_a_comment() {
        let text = "/** A. */\n@JvmStatic\npublic fun a(\n    public val b: Int,\n) {}\n\npublic fun c() {}\n\
                    public companion object {\n    public override fun d() {}";
        assert_eq!(undocumented(text), [7]);
    }

    #[test]
    fn tests_are_found_in_sources() {
        let text = "    @Test\n    fun `a b`() = Unit\n\n    fun helper() {}\n    @ParameterizedTest\n    \
                    @ValueSource(booleans = [true])\n    fun c(x: Boolean) {}\n    @Test @Config(sdk = [35])\n    fun d() {}";
        assert_eq!(methods(text), ["a b", "c", "d"]);
    }
}

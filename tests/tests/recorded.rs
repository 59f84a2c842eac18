//! Every recorded run of BuildKit, asked of ocix: equal, or different for a reason that `golden/differences.toml` states.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::sync::Mutex;

use ocix_tests::golden::{Comparison, Made, Recorded, command};
use ocix_tests::{Auth, Registry, Run, Scratch, need, scratch};
use serde::Deserialize;

/// Why a run's result is another one here, and what it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// Why.
    reason: String,
    /// What we do instead, in words.
    ocix: String,
    /// Our exit code, where it is not BuildKit's 0 or failure.
    exit: Option<i32>,
    /// What our error says.
    #[serde(default)]
    error: String,
    /// The kinds of what differs, each once.
    #[serde(default)]
    differs: Vec<String>,
}

/// What came of one run.
struct Outcome {
    exit: Option<i32>,
    error: String,
    kinds: Vec<String>,
    told: String,
}

#[test]
fn every_run() {
    need!("docker-registry");
    let Some(runs) = Recorded::all() else { return };
    assert_eq!(runs.len(), 242, "recorded runs");
    let stated = fs::read_to_string(scratch::repository().join("tests/golden/differences.toml")).unwrap();
    let stated: BTreeMap<String, Difference> = toml::from_str(&stated).unwrap();
    let documents: BTreeMap<String, Vec<u8>> = runs.iter().flat_map(Recorded::documents).collect();
    let home = Scratch::new();
    let registry = Registry::start(&home, Auth::None);
    let outcomes = Mutex::new(BTreeMap::new());
    let queue = Mutex::new(runs.iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(run) = { queue.lock().unwrap().next() } {
                    let outcome = outcome(run, &documents, &registry, &home);
                    outcomes.lock().unwrap().insert(run.name.clone(), outcome);
                }
            });
        }
    });
    let mut wrong = Vec::new();
    let (mut equal, mut different) = (0, 0);
    for (name, outcome) in outcomes.into_inner().unwrap() {
        match (outcome.kinds.is_empty(), stated.get(&name)) {
            (true, None) => equal += 1,
            (true, Some(_)) => wrong.push(format!("{name} is equal, and stands in differences.toml")),
            (false, Some(difference)) if difference.is(&outcome) => different += 1,
            (false, Some(difference)) => wrong.push(format!("{name} is not {difference:?}, but {}", outcome.told)),
            (false, None) => wrong.push(format!("{name} differs: {}", outcome.told)),
        }
    }
    // On the real standard error, which the test runner does not keep to itself.
    let neither = wrong.len();
    let _ = writeln!(
        std::io::stderr(),
        "recorded runs: {equal} equal, {different} different for a stated reason, {neither} neither"
    );
    assert!(wrong.is_empty(), "{} of 242:\n\n{}", wrong.len(), wrong.join("\n\n"));
    let unknown = stated.keys().find(|name| !runs.iter().any(|run| run.name == **name));
    assert_eq!(unknown, None, "is no recorded run");
    assert!(different <= 45, "{different} differences are more than should be");
}

fn outcome(run: &Recorded, documents: &BTreeMap<String, Vec<u8>>, registry: &Registry, home: &Scratch) -> Outcome {
    let scratch = Scratch::new();
    let done = Run::of(&mut command(run, &scratch, &registry.address()));
    let theirs = run.case["exit"].as_i64().unwrap();
    let mut outcome = Outcome { exit: done.code, error: done.stderr.clone(), kinds: Vec::new(), told: done.told() };
    if (done.code == Some(0)) != (theirs == 0) {
        outcome.told += &format!("\nBuildKit's exit is {theirs}: {}", run.case["error"]);
        outcome.kinds.push("exit".into());
    }
    if done.code != Some(0) || theirs != 0 {
        return outcome;
    }
    let made = Made::read(&scratch, &run.outputs(), &home.path("registry/storage"));
    let mut found = Comparison::of(run, &made, documents, &registry.address()).differences;
    for (repository, theirs) in run.case["registry_tags"].as_object().into_iter().flatten() {
        let repository = repository.strip_prefix("{registry}/").unwrap();
        let repository = repository.split(['@', ':']).next().unwrap();
        // Where nothing was pushed under a tag, asking for tags is an error.
        let mut theirs: Vec<String> = serde_json::from_value(theirs["tags"].clone()).unwrap_or_default();
        theirs.sort();
        let ours = registry.tags(repository);
        if ours != theirs {
            found.push(("tags", format!("{repository} has the tags {ours:?} instead of {theirs:?}")));
        }
    }
    for (kind, how) in found {
        if !outcome.kinds.iter().any(|known| known == kind) {
            outcome.kinds.push(kind.into());
        }
        outcome.told += &format!("\n{kind}: {how}");
    }
    outcome
}

impl Difference {
    fn is(&self, outcome: &Outcome) -> bool {
        let mut kinds = outcome.kinds.clone();
        let mut differs = self.differs.clone();
        kinds.sort();
        differs.sort();
        let exit = self.exit.is_none_or(|exit| outcome.exit == Some(exit));
        let said = !self.reason.is_empty() && !self.ocix.is_empty();
        kinds == differs && exit && said && outcome.error.contains(&self.error)
    }
}

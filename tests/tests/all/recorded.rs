//! Every recorded run of BuildKit, asked of ocix: equal, or different for a reason that `golden/differences.toml` states.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::sync::Mutex;

use ocix_tests::golden::{Comparison, Made, Recorded, command};
use ocix_tests::{Auth, Containerd, Registry, Run, Scratch, by_turns, need, scratch};
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

/// Who the runs talk to.
struct Peers {
    registry: Registry,
    containerd: Option<Containerd>,
    home: Scratch,
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
    let containerd = (need::root() && need::counterpart("containerd")).then(|| Containerd::start(&home));
    let peers = Peers { registry, containerd, home };
    let outcomes = Mutex::new(BTreeMap::new());
    by_turns(&runs, |run| {
        let outcome = outcome(run, &documents, &peers);
        outcomes.lock().unwrap().insert(run.name.clone(), outcome);
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

fn outcome(run: &Recorded, documents: &BTreeMap<String, Vec<u8>>, peers: &Peers) -> Outcome {
    let Peers { registry, containerd, home } = peers;
    let scratch = Scratch::new();
    let mut command = command(run, &scratch, &registry.address());
    // Runs of the worker that had containerd's image store go into one of ours, each into a namespace of its own.
    let containerd = containerd.as_ref().filter(|_| run.name.starts_with("ctd-"));
    if let Some(containerd) = containerd {
        command.arg(containerd.store(&format!("?namespace={}", run.name)));
    }
    let done = Run::of(&mut command);
    let theirs = run.case["exit"].as_i64().unwrap();
    let mut outcome = Outcome { exit: done.code, error: done.stderr.clone(), kinds: Vec::new(), told: done.told() };
    if (done.code == Some(0)) != (theirs == 0) {
        outcome.told += &format!("\nBuildKit's exit is {theirs}: {}", run.case["error"]);
        outcome.kinds.push("exit".into());
    }
    if done.code != Some(0) || theirs != 0 {
        return outcome;
    }
    let elsewhere: Vec<_> =
        containerd.map(Containerd::blobs).into_iter().chain([home.path("registry/storage")]).collect();
    let made = Made::read(&scratch, &run.outputs(), &elsewhere);
    let mut found = Comparison::of(run, &made, documents, &registry.address()).differences;
    if let Some(containerd) = containerd {
        found.extend(images(run, &made, containerd, &registry.address()));
    }
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

/// What containerd has of a run, where it differs: names, what they point at, and whether all of it is there.
fn images(run: &Recorded, made: &Made, containerd: &Containerd, registry: &str) -> Vec<(&'static str, String)> {
    let digest = made.metadata["containerimage.digest"].as_str().unwrap();
    let recorded = run.case["metadata"]["containerimage.digest"].as_str().unwrap();
    let theirs = run.names().into_iter().map(|name| name.replace("{registry}", registry).replace(recorded, digest));
    let (mut theirs, mut ours) = (theirs.collect::<Vec<_>>(), Vec::new());
    theirs.sort();
    let mut found = Vec::new();
    let list = containerd.ctr(&["--namespace", &run.name, "images", "check", "--snapshotter=native"]).ok().stdout;
    for line in list.lines().skip(1) {
        ours.push(line.split_whitespace().next().unwrap().to_owned());
        let unpacked = run.outputs().iter().any(|output| output.contains("unpack=true"));
        if !line.contains(digest) || !line.contains("complete") || line.trim_end().ends_with("true") != unpacked {
            found.push(("images", line.to_owned()));
        }
    }
    ours.sort();
    if ours != theirs {
        found.push(("images", format!("the names are {ours:?} instead of {theirs:?}")));
    }
    found
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

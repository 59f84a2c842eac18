//! What is linked into ocix: the licences, crates and sources that `deny.toml` has lists of. `cargo deny check`, where one has it, reads the same
//! lists, and looks for advisories too.

use ocix_tests::scratch::repository;
use ocix_tests::{Run, cargo};
use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

#[test]
fn nothing_is_linked_that_may_not_be() {
    let rules = std::fs::read_to_string(repository().join("deny.toml")).unwrap();
    let rules: toml::Table = rules.parse().unwrap();
    let list = |section: &str, name: &str| rules[section][name].as_array().unwrap().clone();
    let texts = |list: Vec<toml::Value>| list.iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let licensees: Vec<_> =
        texts(list("licenses", "allow")).iter().map(|name| Licensee::parse(name).unwrap()).collect();
    let banned = texts(list("bans", "deny").iter().map(|ban| ban["name"].clone()).collect());
    let registries = texts(list("sources", "allow-registry"));
    for target in texts(list("graph", "targets")) {
        let packages = packages(&target);
        assert!(packages.len() > 300, "{target}: {} packages", packages.len());
        for package in packages {
            let name = package["name"].as_str().unwrap();
            assert!(!banned.iter().any(|banned| banned == name), "{name} is banned");
            if let Some(source) = package["source"].as_str() {
                let registry = source.strip_prefix("registry+").unwrap_or_else(|| panic!("{name} is from {source}"));
                assert!(registries.iter().any(|known| known == registry), "{name} is from {source}");
            } else {
                for needed in package["dependencies"].as_array().unwrap().iter().filter(|one| one["path"].is_null()) {
                    assert_ne!(needed["req"], "*", "{name} takes any version of {}", needed["name"]);
                }
            }
            let said = package["license"].as_str().unwrap_or_else(|| panic!("{name} has no licence"));
            let licence =
                Expression::parse_mode(said, ParseMode::LAX).unwrap_or_else(|error| panic!("{name}: {error}"));
            let allowed = licence.evaluate(|asked| licensees.iter().any(|licensee| licensee.satisfies(asked)));
            assert!(allowed, "{name} has the licence {said}");
        }
    }
}

/// All that the workspace needs on such a machine.
fn packages(target: &str) -> Vec<Value> {
    let mut metadata = cargo("metadata");
    metadata.args(["--locked", "--format-version=1", "--filter-platform", target]);
    let metadata: Value = serde_json::from_str(&Run::of(&mut metadata).ok().stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

//! Every document that ocix writes is valid by the image specification's own JSON schemas.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use jsonschema::{Draft, Retrieve, Uri, Validator};
use ocix_tests::{Layout, Run, Scratch, need, scratch};
use serde_json::Value;

/// The schemas, beside the repository.
fn folder() -> Option<PathBuf> {
    let folder = scratch::repository().join("../shared/corpora/schema");
    if folder.is_dir() || need::missing("the image specification's schemas are not here") { Some(folder) } else { None }
}

/// Finds a schema that another one names by its file, whatever the place before it.
struct Beside(PathBuf);

impl Retrieve for Beside {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let name = uri.path().as_str().rsplit('/').next().unwrap_or_default().to_owned();
        Ok(serde_json::from_slice(&fs::read(self.0.join(name))?)?)
    }
}

struct Schemas {
    index: Validator,
    manifest: Validator,
    config: Validator,
    layout: Validator,
    documents: usize,
}

impl Schemas {
    fn read(folder: PathBuf) -> Self {
        let schema = |name: &str| {
            let schema: Value = serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap();
            let options = jsonschema::options().with_draft(Draft::Draft4).with_retriever(Beside(folder.clone()));
            options.build(&schema).unwrap()
        };
        Self {
            index: schema("image-index-schema.json"),
            manifest: schema("image-manifest-schema.json"),
            config: schema("config-schema.json"),
            layout: schema("image-layout-schema.json"),
            documents: 0,
        }
    }

    fn valid(&mut self, validator: fn(&Self) -> &Validator, document: &Value) {
        let wrong: Vec<String> =
            validator(self).iter_errors(document).map(|error| format!("{error} at {}", error.instance_path)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\n{document:#}");
        self.documents += 1;
    }

    /// A descriptor's document and everything beneath it.
    fn descend(&mut self, layout: &Layout, descriptor: &Value) {
        let document = || layout.json(descriptor["digest"].as_str().unwrap());
        match descriptor["mediaType"].as_str().unwrap() {
            "application/vnd.oci.image.index.v1+json" => {
                let index = document();
                self.valid(|all| &all.index, &index);
                index["manifests"].as_array().unwrap().iter().for_each(|listed| self.descend(layout, listed));
            }
            "application/vnd.oci.image.manifest.v1+json" => {
                let manifest = document();
                self.valid(|all| &all.manifest, &manifest);
                self.descend(layout, &manifest["config"]);
            }
            "application/vnd.oci.image.config.v1+json" => self.valid(|all| &all.config, &document()),
            _ => {}
        }
    }
}

#[test]
fn documents_are_valid() {
    let Some(folder) = folder() else { return };
    let mut schemas = Schemas::read(folder);
    // The schemas tell something wrong from something right.
    assert!(!schemas.index.is_valid(&serde_json::json!({ "schemaVersion": 3, "manifests": [] })));
    assert!(!schemas.config.is_valid(&serde_json::json!({ "os": 1 })));
    let scratch = Scratch::new();
    scratch.site();
    scratch.write("predicate", "{\"a\":1}");
    let attestation = "--attestation=type=https://slsa.dev/provenance/v1,predicate=predicate";
    let changes = [
        "--cmd=run it",
        "--entrypoint=[\"/bin/x\"]",
        "--env=A=b",
        "--label=l=m",
        "--user=1:2",
        "--workdir=w",
        "--expose=80",
        "--volume=/v",
        "--stop-signal=SIGINT",
        "--healthcheck=--interval=5s CMD true",
        "--author=me",
        "--created-by=hand",
    ];
    let annotations = "annotation.a=b,annotation-manifest-descriptor.c=d";
    let runs: [(&str, &[&str], &[&str]); 4] = [
        (annotations, &["site"], &[]),
        ("name=example.com/a:v1,compression=estargz,rewrite-timestamp=true", &["site"], &changes),
        (
            "compression=zstd,annotation-index.i=j,annotation-index-descriptor.k=l",
            &["linux/amd64=site", "linux/arm/v7=site"],
            &[attestation],
        ),
        ("compression=uncompressed,oci-artifact=false", &["site"], &[attestation]),
    ];
    for (number, (options, sources, flags)) in runs.iter().enumerate() {
        let dest = format!("layout-{number}");
        let output = format!("type=oci,tar=false,dest={dest},{options}");
        let mut ocix = scratch.ocix();
        ocix.arg("export").args(*sources).args(["-o", &output, "--progress=none", "--source-date-epoch=1700000000"]);
        Run::of(ocix.args(*flags)).ok();
        let layout = Layout::at(scratch.path(&dest));
        let read = |name: &str| serde_json::from_slice::<Value>(&fs::read(layout.root().join(name)).unwrap()).unwrap();
        let index = read("index.json");
        schemas.valid(|all| &all.index, &index);
        schemas.valid(|all| &all.layout, &read("oci-layout"));
        index["manifests"].as_array().unwrap().iter().for_each(|listed| schemas.descend(&layout, listed));
    }
    // Per run: an index, a layout file, and each manifest and configuration, of images and of attestations.
    assert_eq!(schemas.documents, 24);
}

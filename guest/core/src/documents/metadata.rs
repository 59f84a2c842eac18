//! The metadata file: what an export made, for programs. BuildKit's keys tell of the first output, `ocix.exports` of every one.

use super::descriptor;
use super::json::Value;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::layer::Layer;
use crate::platform::Platform;
use crate::registry::{Pushed, Tally};

/// What one output made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The exporter's name, for example `image`.
    pub exporter: String,
    /// As references, in the order of the request.
    pub names: Vec<String>,
    /// What BuildKit says under `image.name`: its names in normal form, joined by commas; `None` without names.
    pub image_name: Option<String>,
    /// Of the manifest or index at the top; `None` when no image was made.
    pub descriptor: Option<Descriptor>,
    /// One image a platform.
    pub platforms: Vec<PlatformImage>,
    /// What became of each target.
    pub targets: Vec<Target>,
}

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformImage {
    /// What it runs on.
    pub platform: Platform,
    /// Of its manifest.
    pub manifest: Descriptor,
    /// Of its config.
    pub config: Digest,
    /// The bottom one first.
    pub layers: Vec<Layer>,
}

/// A name in the store or at a registry, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As the user wrote it.
    pub name: String,
    /// In one word or a line: `stored`, `pushed`, or why it failed.
    pub outcome: String,
    /// What was done for it at a registry.
    pub pushed: Option<Pushed>,
}

/// The file: indented, every object but descriptors in byte order of its keys. BuildKit's config digest is there for a single image only,
/// its other keys when the first output made an image.
pub fn file(exports: &[Export]) -> Vec<u8> {
    let mut members = Vec::new();
    if let Some((first, root)) = exports.first().and_then(|first| Some((first, first.descriptor.as_ref()?))) {
        if let [image] = first.platforms.as_slice()
            && image.manifest.digest == root.digest
        {
            members.push(("containerimage.config.digest", image.config.as_str().into()));
        }
        members.push(("containerimage.descriptor", descriptor::value(root)));
        members.push(("containerimage.digest", root.digest.as_str().into()));
        members.extend(first.image_name.as_deref().map(|name| ("image.name", name.into())));
    }
    members.push(("ocix.exports", Value::Array(exports.iter().map(Export::value).collect())));
    Value::Object(members).indented().into_bytes()
}

impl Export {
    fn value(&self) -> Value<'_> {
        let mut members = Vec::new();
        if let Some(root) = &self.descriptor {
            members.push(("descriptor", descriptor::value(root)));
            members.push(("digest", root.digest.as_str().into()));
        }
        members.push(("names", Value::list(&self.names)));
        members.push(("platforms", Value::Array(self.platforms.iter().map(PlatformImage::value).collect())));
        members.push(("targets", Value::Array(self.targets.iter().map(Target::value).collect())));
        members.push(("type", self.exporter.as_str().into()));
        Value::Object(members)
    }
}

impl PlatformImage {
    fn value(&self) -> Value<'_> {
        Value::Object(vec![
            ("config", self.config.as_str().into()),
            ("layers", Value::Array(self.layers.iter().map(layer).collect())),
            ("manifest", descriptor::value(&self.manifest)),
            ("platform", Value::Owned(self.platform.to_string())),
        ])
    }
}

impl Target {
    fn value(&self) -> Value<'_> {
        let mut members = vec![("name", self.name.as_str().into()), ("outcome", self.outcome.as_str().into())];
        members.extend(self.pushed.as_ref().map(|pushed| ("pushed", self::pushed(pushed))));
        Value::Object(members)
    }
}

fn pushed(pushed: &Pushed) -> Value<'_> {
    let tally = |Tally { count, bytes }: Tally| {
        Value::Object(vec![("bytes", Value::Number(bytes)), ("count", Value::Number(count.into()))])
    };
    Value::Object(vec![
        ("already_there", tally(pushed.already_there)),
        ("mounted", tally(pushed.mounted)),
        ("resumed", Value::Number(pushed.resumed.into())),
        ("retries", Value::Number(pushed.retries.into())),
        ("sent", Value::Number(pushed.sent)),
        ("uploaded", tally(pushed.uploaded)),
    ])
}

fn layer(layer: &Layer) -> Value<'_> {
    let descriptor = descriptor::value(&layer.descriptor);
    Value::Object(vec![("descriptor", descriptor), ("diff_id", layer.diff_id.0.as_str().into())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::DiffId;
    use crate::media_type;

    fn image(platform: &str) -> PlatformImage {
        let layer = Descriptor::of(media_type::LAYER, platform.as_bytes());
        PlatformImage {
            platform: platform.parse().unwrap(),
            manifest: Descriptor::of(media_type::MANIFEST, platform.as_bytes()),
            config: Digest::of(b"config"),
            layers: vec![Layer { diff_id: DiffId(layer.digest.clone()), descriptor: layer }],
        }
    }

    fn export(platforms: &[&str], root: Option<Descriptor>) -> Export {
        Export {
            exporter: "oci".into(),
            names: vec!["a:1".into()],
            image_name: Some("docker.io/library/a:1".into()),
            descriptor: root,
            platforms: platforms.iter().map(|platform| image(platform)).collect(),
            targets: vec![Target { name: "a:1".into(), outcome: "pushed".into(), pushed: None }],
        }
    }

    fn keys(exports: &[Export]) -> Vec<String> {
        let document: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&file(exports)).unwrap();
        document.keys().cloned().collect()
    }

    #[test]
    fn buildkits_keys_tell_of_the_first_output() {
        let single = export(&["linux/amd64"], Some(image("linux/amd64").manifest));
        let index = Descriptor::of(media_type::INDEX, b"index");
        let mine = "ocix.exports";
        let (config, root, digest, name) =
            ("containerimage.config.digest", "containerimage.descriptor", "containerimage.digest", "image.name");
        assert_eq!(keys(std::slice::from_ref(&single)), [config, root, digest, name, mine]);
        // One image with attestations has an index at the top, and then BuildKit tells no config.
        for platforms in [&["linux/amd64"][..], &["linux/amd64", "linux/arm64"]] {
            assert_eq!(keys(&[export(platforms, Some(index.clone())), single.clone()]), [root, digest, name, mine]);
        }
        assert_eq!(keys(&[export(&[], None), single]), [mine]);
        assert_eq!(file(&[]), b"{\n  \"ocix.exports\": []\n}");
    }

    #[test]
    fn every_output_has_a_record() {
        let index = Descriptor::of(media_type::INDEX, b"index");
        let written = file(&[export(&[], None), export(&["linux/arm/v7"], Some(index.clone()))]);
        let document: serde_json::Value = serde_json::from_slice(&written).unwrap();
        let exports = document["ocix.exports"].as_array().unwrap();
        assert_eq!(exports[0]["descriptor"], serde_json::Value::Null);
        assert_eq!(exports[1]["digest"], index.digest.as_str());
        assert_eq!(exports[1]["type"], "oci");
        assert_eq!(exports[1]["names"], serde_json::json!(["a:1"]));
        assert_eq!(exports[1]["targets"], serde_json::json!([{ "name": "a:1", "outcome": "pushed" }]));
        let (made, expected) = (&exports[1]["platforms"][0], image("linux/arm/v7"));
        assert_eq!(made["platform"], "linux/arm/v7");
        assert_eq!(made["config"], expected.config.as_str());
        assert_eq!(made["manifest"]["digest"], expected.manifest.digest.as_str());
        assert_eq!(made["layers"][0]["diff_id"], expected.layers[0].diff_id.0.as_str());
        assert_eq!(made["layers"][0]["descriptor"]["mediaType"], media_type::LAYER);
    }

    #[test]
    fn what_a_push_did_is_told() {
        let uploaded = Tally { count: 2, bytes: 30 };
        let pushed = Some(Pushed { uploaded, sent: 40, retries: 1, ..Pushed::default() });
        let target = Target { name: "a:1".into(), outcome: "done".into(), pushed };
        let written = file(&[Export { targets: vec![target], ..export(&[], None) }]);
        let document: serde_json::Value = serde_json::from_slice(&written).unwrap();
        let (none, some) =
            (serde_json::json!({ "bytes": 0, "count": 0 }), serde_json::json!({ "bytes": 30, "count": 2 }));
        let expected = serde_json::json!({ "already_there": none, "mounted": none, "resumed": 0, "retries": 1, "sent": 40, "uploaded": some });
        assert_eq!(document["ocix.exports"][0]["targets"][0]["pushed"], expected);
    }
}

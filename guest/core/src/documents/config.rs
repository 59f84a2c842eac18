//! Image configs (OCI config.md): new ones, and those of a source image with the members that only others know.
//!
//! Written as BuildKit writes them: compact, the members at the top in byte order, rootfs and history from the layers, no time later
//! than the epoch. Everything that decides what a config says lives here and in `history`.

use std::collections::BTreeMap;

use super::history::{self, Line};
use super::json::Value;
use super::read::{self, Object};
use super::time::Time;
use super::{MAX_WRITTEN, within};
use crate::digest::{DiffId, Digest};
use crate::error::{Error, Result};
use crate::layer::Layer;
use crate::platform::Platform;

/// An image's config before its layers are known.
#[derive(Clone, Debug)]
pub struct Config {
    /// JSON text of each member, but those that layers and times decide.
    members: BTreeMap<String, String>,
    platform: Platform,
    created: Option<Created>,
    history: Vec<Line>,
    diff_ids: Vec<DiffId>,
}

/// When a source image was made; it stays as it was written unless the epoch is earlier.
#[derive(Clone, Debug)]
struct Created {
    raw: String,
    time: Time,
}

impl Config {
    /// Of an image that is made from files alone: path and working directory as BuildKit's default has them.
    ///
    /// ```
    /// use ocix_core::documents::config::Config;
    /// let config = Config::new(&"linux/arm/v7".parse()?).assemble(&[], Some(0), 0)?;
    /// assert!(config.starts_with(br#"{"architecture":"arm","config":{"Env":["PATH=/usr/local/sbin:"#));
    /// # Ok::<(), ocix_core::error::Error>(())
    /// ```
    pub fn new(platform: &Platform) -> Self {
        let path = if platform.os == "windows" { WINDOWS_PATH } else { UNIX_PATH };
        let config = Value::Object(vec![("Env", Value::Array(vec![path.into()])), ("WorkingDir", "/".into())]);
        let mut members = vec![
            ("architecture", platform.architecture.as_str().into()),
            ("config", config),
            ("os", platform.os.as_str().into()),
        ];
        members.extend(platform.variant.as_deref().map(|variant| ("variant", variant.into())));
        Self {
            members: members.into_iter().map(|(name, value)| (name.to_owned(), value.compact())).collect(),
            platform: platform.clone(),
            created: None,
            history: Vec::new(),
            diff_ids: Vec::new(),
        }
    }

    /// A source image's.
    ///
    /// # Errors
    /// `malformed` for what is not a config, or could be read in two ways; `unsupported` for diff IDs other than sha256 and sha512.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let object = read::document(bytes, "config")?.known(&KNOWN)?;
        let (os, architecture) =
            (object.need("os", object.text("os")?)?, object.need("architecture", object.text("architecture")?)?);
        let platform = Platform::new(&os, &architecture, object.text("variant")?.as_deref());
        for name in ["author", "os.version"] {
            object.text(name)?;
        }
        object.texts("os.features")?;
        object.object("config")?.map(check_execution).transpose()?;
        let time = history::time(&object)?;
        let lines = object.objects("history", "history line")?.unwrap_or_default().into_iter();
        let decided = ["created", "history", "rootfs"];
        let others = object.members().filter(|(name, _)| !decided.contains(name));
        Ok(Self {
            created: object.raw("created").zip(time).map(|(raw, time)| Created { raw: raw.get().to_owned(), time }),
            history: lines.map(|(line, _)| Line::read(line)).collect::<Result<_>>()?,
            diff_ids: diff_ids(object.need("rootfs", object.object("rootfs")?)?)?,
            members: others.map(|(name, raw)| (name.to_owned(), raw.get().to_owned())).collect(),
            platform,
        })
    }

    /// What the image runs on.
    pub fn platform(&self) -> Platform {
        self.platform.clone()
    }

    /// Of the source's layers, the bottom one first; none for a new config.
    pub fn diff_ids(&self) -> &[DiffId] {
        &self.diff_ids
    }

    /// The document for these layers. `epoch` and `now` are seconds since 1970: nothing is later than the epoch, and what has no time
    /// gets the epoch, or else now.
    ///
    /// # Errors
    /// `invalid-option` for an epoch that no document can hold; `limit-exceeded` over [`MAX_WRITTEN`] bytes.
    pub fn assemble(&self, layers: &[Layer], epoch: Option<i64>, now: i64) -> Result<Vec<u8>> {
        let stamp = Time::at(epoch.unwrap_or(now))?;
        let mut lines = self.history.clone();
        history::complete(&mut lines, layers.len(), &stamp);
        if let Some(epoch) = epoch {
            history::clamp(&mut lines, epoch, &stamp);
        }
        let late = |created: &&Created| epoch.is_some_and(|epoch| created.time.is_after(epoch));
        let created = match &self.created {
            Some(created) if late(&created) => stamp.as_str().into(),
            Some(created) => Value::Raw(&created.raw),
            None => lines.iter().rev().find_map(Line::created).unwrap_or(&stamp).as_str().into(),
        };
        let diff_ids = list(layers.iter().map(|layer| layer.diff_id.0.as_str().into()));
        let mut members: BTreeMap<&str, Value> =
            self.members.iter().map(|(name, raw)| (name.as_str(), Value::Raw(raw))).collect();
        members.insert("created", created);
        members.insert("history", list(lines.iter().map(Line::value)));
        members.insert("rootfs", Value::Object(vec![("type", "layers".into()), ("diff_ids", diff_ids)]));
        within(Value::Object(members.into_iter().collect()).compact(), MAX_WRITTEN, "config")
    }
}

/// Go writes a list that nothing was ever put into as `null`.
fn list<'a>(values: impl Iterator<Item = Value<'a>>) -> Value<'a> {
    let values: Vec<Value> = values.collect();
    if values.is_empty() { Value::Null } else { Value::Array(values) }
}

fn diff_ids(rootfs: Object<'_>) -> Result<Vec<DiffId>> {
    let rootfs = rootfs.known(&["type", "diff_ids"])?;
    if rootfs.text("type")?.as_deref() != Some("layers") {
        return Err(rootfs.malformed("is not of the type `layers`"));
    }
    let texts = rootfs.texts("diff_ids")?.unwrap_or_default().into_iter();
    let diff_id = |text: String| {
        text.parse::<Digest>().map(DiffId).map_err(|error: Error| error.within("cannot read the config's diff IDs"))
    };
    texts.map(diff_id).collect()
}

/// The part that says how to run the image: it is kept as it is, but must be of the kinds that the spec says.
fn check_execution(config: Object<'_>) -> Result<()> {
    let config = config.known(&EXECUTION)?;
    for name in ["User", "WorkingDir", "StopSignal"] {
        config.text(name)?;
    }
    for name in ["Env", "Entrypoint", "Cmd"] {
        config.texts(name)?;
    }
    for name in ["ExposedPorts", "Volumes"] {
        config.object(name)?;
    }
    config.map("Labels")?;
    config.flag("ArgsEscaped").map(|_| ())
}

const KNOWN: [&str; 10] =
    ["created", "author", "architecture", "variant", "os", "os.version", "os.features", "config", "rootfs", "history"];
const EXECUTION: [&str; 10] = [
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "ArgsEscaped",
];
const UNIX_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const WINDOWS_PATH: &str = r"PATH=c:\Windows\System32;c:\Windows;C:\Windows\System32\WindowsPowerShell\v1.0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::Descriptor;
    use crate::error::Code;
    use crate::media_type;

    fn layer(content: &[u8]) -> Layer {
        Layer { descriptor: Descriptor::of(media_type::LAYER, content), diff_id: DiffId(Digest::of(content)) }
    }

    fn written(config: &Config, layers: &[Layer], epoch: Option<i64>) -> Result<String> {
        config.assemble(layers, epoch, 1_700_000_000).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn a_new_config_is_buildkits_default() {
        let layer = layer(b"");
        let expected = format!(
            concat!(
                r#"{{"architecture":"arm","config":{{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/"}},"#,
                r#""created":"2023-11-14T22:13:20Z","history":[{{"created":"2023-11-14T22:13:20Z","created_by":"ocix export","#,
                r#""comment":"buildkit.exporter.image.v0"}}],"os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}},"variant":"v7"}}"#
            ),
            layer.diff_id
        );
        let config = Config::new(&Platform::new("linux", "arm", Some("v7")));
        assert_eq!(written(&config, std::slice::from_ref(&layer), None), Ok(expected.clone()));
        assert_eq!(written(&config, &[layer], Some(1_700_000_000)), Ok(expected));
    }

    #[test]
    fn what_is_unknown_survives_and_names_are_sorted() -> Result<()> {
        let source = br#" { "os" : "linux", "z<": [ 1.50, "\u0041&" ], "rootfs": {"type":"layers"}, "architecture":"amd64", "config": {"X": "b",  "Env": null},
            "A": 1e3, "\u0042": null, "created": "2023-01-01T00:00:00.500Z",
            "history": [{"created":"2023-01-01T00:00:00.500+01:00","empty_layer":true,"unknown":1}, {"empty_layer":false,"author":"","created_by":"a<b"}] } "#;
        let config = Config::parse(source)?;
        let expected = concat!(
            r#"{"A":1e3,"B":null,"architecture":"amd64","config":{"X":"b","Env":null},"created":"2023-01-01T00:00:00.500Z","#,
            r#""history":[{"created":"2023-01-01T00:00:00.5+01:00","empty_layer":true},{"created":"2023-11-14T22:13:20Z","created_by":"a\u003cb"}],"#,
            r#""os":"linux","rootfs":{"type":"layers","diff_ids":["#
        );
        let text = written(&config, &[layer(b"1")], None)?;
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with(r#""]},"z\u003c":[1.50,"\u0041\u0026"]}"#), "{text}");
        Ok(())
    }

    #[test]
    fn the_epoch_clamps_and_may_be_any_year() -> Result<()> {
        let config = Config::parse(
            br#"{"os":"linux","architecture":"amd64","created":"2023-01-01T00:00:00.500Z","rootfs":{"type":"layers"}}"#,
        )?;
        for (epoch, created) in [
            (0, "1970-01-01T00:00:00Z"),
            (-5, "1969-12-31T23:59:55Z"),
            (1_672_531_200, "2023-01-01T00:00:00Z"),
            (1_672_531_201, "2023-01-01T00:00:00.500Z"),
        ] {
            let text = written(&config, &[], Some(epoch))?;
            assert!(text.contains(&format!(r#""created":"{created}""#)), "{text}");
        }
        for epoch in [i64::MIN, i64::MAX] {
            assert_eq!(
                written(&config, &[], Some(epoch)).map_err(|error| error.code),
                Err(Code::InvalidOption("source-date-epoch".into()))
            );
        }
        Ok(())
    }

    #[test]
    fn what_is_not_a_config_is_refused() {
        let most = r#""os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}"#;
        assert!(Config::parse(format!("{{{most}}}").as_bytes()).is_ok());
        for extra in [
            r#""created":"now""#,
            r#""created":1"#,
            r#""History":[]"#,
            r#""history":[null]"#,
            r#""history":[{"created":"2023"}]"#,
            r#""history":[{"empty_layer":"no"}]"#,
            r#""config":{"env":[]}"#,
            r#""config":{"Cmd":"sh"}"#,
            r#""config":{"Labels":{"a":1}}"#,
            r#""os":"linux""#,
            r#""author":{}"#,
        ] {
            assert!(Config::parse(format!("{{{most},{extra}}}").as_bytes()).is_err(), "{extra}");
        }
        for text in [
            "{}",
            r#"{"os":"linux","architecture":"amd64"}"#,
            r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]}}"#,
            r#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:0"]}}"#,
            r#"{"os":"linux","rootfs":{"type":"layers"}}"#,
        ] {
            assert!(Config::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}

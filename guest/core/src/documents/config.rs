//! Image configs (OCI config.md): new ones, and those of a source image with the members that only others know.
//!
//! Written as BuildKit writes them: compact, the members at the top in byte order, rootfs and history from the layers, no time later
//! than the epoch. Everything that decides what a config says lives here and in `history`.

use std::collections::BTreeMap;

use super::descriptor;
use super::execution::{self, Execution};
use super::history::{self, Line};
use super::json::Value;
use super::read::{self, Object};
use super::time::Time;
use super::{MAX_WRITTEN, within};
use crate::digest::{DiffId, Digest};
use crate::error::{Error, Fault, Result};
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
    /// For history lines that are made up.
    created_by: Option<String>,
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
    /// let config = Config::new(&"linux/arm/v7".parse()?).assemble(&[], Some(0), 0, None)?;
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
            created_by: None,
        }
    }

    /// A source image's.
    ///
    /// # Errors
    /// `malformed` for what is not a config, or could be read in two ways; `unsupported` for diff IDs other than sha256 and sha512.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let object = read::document(bytes, "config")?.known(&KNOWN)?;
        let diff_ids = diff_ids(object.need("rootfs", object.object("rootfs")?)?)?;
        Ok(Self { diff_ids, ..Self::read(&object)? })
    }

    /// All but the layers.
    fn read(object: &Object<'_>) -> Result<Self> {
        let platform = descriptor::read_platform(object)?;
        object.text("author")?;
        object.object("config")?.map(execution::check).transpose()?;
        let time = history::time(object)?;
        let lines = object.objects("history", "history line")?.unwrap_or_default().into_iter();
        let decided = ["created", "history", "rootfs"];
        let others = object.members().filter(|(name, _)| !decided.contains(name));
        Ok(Self {
            created: object.raw("created").zip(time).map(|(raw, time)| Created { raw: raw.get().to_owned(), time }),
            history: lines.map(|(line, _)| Line::read(line)).collect::<Result<_>>()?,
            diff_ids: Vec::new(),
            members: others.map(|(name, raw)| (name.to_owned(), raw.get().to_owned())).collect(),
            platform,
            created_by: None,
        })
    }

    /// Takes everything but the layers from another config, which the user gave: times, history and unknown members too. When a platform
    /// was `asked` for, the new config must be for it.
    ///
    /// # Errors
    /// As [`Config::parse`], as the request's fault, but `rootfs` may be missing; `invalid-option` for another platform.
    pub fn replace(&mut self, bytes: &[u8], asked: Option<&Platform>) -> Result<()> {
        let read = || Self::read(&read::document(bytes, "config")?.known(&KNOWN)?);
        let new = read().map_err(|error| Error { fault: Fault::Request, ..error })?;
        if let Some(asked) = asked.filter(|asked| !new.platform.fits(asked)) {
            let message = format!("the config given is for {}, where {asked} was asked for", new.platform);
            return Err(Error::invalid_option("config", message));
        }
        let (diff_ids, created_by) = (std::mem::take(&mut self.diff_ids), self.created_by.take());
        *self = Self { diff_ids, created_by, ..new };
        Ok(())
    }

    /// Changes what the user asked for, in order: pairs of a flag's name and its value. `entrypoint`, `cmd`, `env`, `label`, `user`, `workdir`,
    /// `expose`, `volume`, `stop-signal` and `healthcheck` take what the Dockerfile's instructions take; `author` and `created-by` a text.
    /// An empty `entrypoint`, `cmd`, `user`, `stop-signal` or `author` takes away what there was. Members that are not named stay.
    ///
    /// # Errors
    /// `invalid-option` with the flag's name for a value that it cannot take, and for a name that is none of these.
    ///
    /// ```
    /// use ocix_core::documents::config::Config;
    /// let mut config = Config::new(&"linux/amd64".parse()?);
    /// config.apply(&[("cmd".into(), "echo hi".into()), ("workdir".into(), "app".into())])?;
    /// let document = String::from_utf8(config.assemble(&[], None, 0, None)?).expect("JSON");
    /// assert!(document.contains(r#""Cmd":["/bin/sh","-c","echo hi"],"WorkingDir":"/app","ArgsEscaped":true"#));
    /// # Ok::<(), ocix_core::error::Error>(())
    /// ```
    pub fn apply(&mut self, changes: &[(String, String)]) -> Result<()> {
        let mut execution = Execution::new(self.members.get("config").map(String::as_str), &self.platform)?;
        let mut execution_changes = false;
        for (name, value) in changes {
            match name.as_str() {
                "author" if value.is_empty() => drop(self.members.remove("author")),
                "author" => drop(self.members.insert("author".into(), Value::from(value.as_str()).compact())),
                "created-by" => self.created_by = Some(value.clone()),
                _ => {
                    execution.change(name, value)?;
                    execution_changes = true;
                }
            }
        }
        if execution_changes {
            // As in a Dockerfile: what was to be said to another entrypoint is not for this one.
            if changes.iter().any(|(name, _)| name == "entrypoint") && !changes.iter().any(|(name, _)| name == "cmd") {
                execution.change("cmd", "[]")?;
            }
            self.members.insert("config".into(), execution.to_json());
        }
        Ok(())
    }

    /// What the image runs on.
    pub fn platform(&self) -> Platform {
        self.platform.clone()
    }

    /// When the image was made, as the document says it (RFC 3339).
    pub fn created(&self) -> Option<&str> {
        self.created.as_ref().map(|created| created.time.as_str())
    }

    /// Of the source's layers, the bottom one first; none for a new config.
    pub fn diff_ids(&self) -> &[DiffId] {
        &self.diff_ids
    }

    /// A member as JSON text, of those that neither layers nor times decide.
    pub(super) fn member(&self, name: &str) -> Option<&str> {
        self.members.get(name).map(String::as_str).filter(|raw| *raw != "null")
    }

    /// When the image was made, as JSON text.
    pub(super) fn created_raw(&self) -> Option<&str> {
        self.created.as_ref().map(|created| created.raw.as_str())
    }

    /// How it was made, the first line first.
    pub fn history(&self) -> &[Line] {
        &self.history
    }

    /// The document for these layers. `epoch` and `now` are seconds since 1970: nothing is later than the epoch, and what has no time
    /// gets the epoch, or else now. Only the first history lines keep their times as long as they are those of the `base` image.
    ///
    /// # Errors
    /// `invalid-option` for an epoch that no document can hold; `limit-exceeded` over [`MAX_WRITTEN`] bytes.
    pub fn assemble(&self, layers: &[Layer], epoch: Option<i64>, now: i64, base: Option<&Self>) -> Result<Vec<u8>> {
        let stamp = Time::at(epoch.unwrap_or(now))?;
        let mut lines = self.history.clone();
        history::complete(&mut lines, layers.len(), self.created_by.as_deref(), &stamp);
        if let Some(epoch) = epoch {
            history::clamp(&mut lines, base.map_or(&[], |base| &base.history), epoch, &stamp);
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

/// The members of a config.
pub(crate) const KNOWN: [&str; 10] =
    ["created", "author", "architecture", "variant", "os", "os.version", "os.features", "config", "rootfs", "history"];
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
        config.assemble(layers, epoch, 1_700_000_000, None).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
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

    #[test]
    fn a_given_config_replaces_all_but_the_layers() -> Result<()> {
        let source = br#"{"os":"linux","architecture":"amd64","x":1,"rootfs":{"type":"layers","diff_ids":[]}}"#;
        let given = br#"{"os":"linux","architecture":"arm64","y":[2],"history":[{"created_by":"me"}],"created":"2001-01-01T00:00:00Z"}"#;
        let (amd64, arm64) = ("linux/amd64".parse()?, "linux/arm64".parse()?);
        let mut config = Config::parse(source)?;
        config.apply(&[("created-by".into(), "you".into())])?;
        let error = config.replace(given, Some(&amd64)).map_err(|error| (error.code, error.fault));
        assert_eq!(error, Err((Code::InvalidOption("config".into()), Fault::Request)));
        let error = config.replace(b"{}", None).map_err(|error| error.fault);
        assert_eq!(error, Err(Fault::Request));
        config.replace(given, Some(&arm64))?;
        let text = written(&config, &[layer(b"1"), layer(b"2")], Some(1_000_000_000))?;
        let expected = concat!(
            r#"{"architecture":"arm64","created":"2001-01-01T00:00:00Z","history":[{"created":"2001-09-09T01:46:40Z","created_by":"me"},"#,
            r#"{"created":"2001-09-09T01:46:40Z","created_by":"you","comment":"buildkit.exporter.image.v0"}],"os":"linux","rootfs":"#
        );
        assert!(text.starts_with(expected) && text.ends_with(r#"]},"y":[2]}"#), "{text}");
        assert_eq!(config.platform(), arm64);
        Ok(())
    }

    #[test]
    fn lines_of_the_base_image_keep_their_times() -> Result<()> {
        let line = |minute: u8| format!(r#"{{"created":"2020-01-01T00:0{minute}:00Z","created_by":"{minute}"}}"#);
        let config = |lines: &[String]| {
            let (lines, created) = (lines.join(","), r#""created":"2020-01-01T00:09:00Z""#);
            let rest = r#""os":"linux","architecture":"amd64","rootfs":{"type":"layers"}"#;
            Config::parse(format!(r#"{{"history":[{lines}],{created},{rest}}}"#).as_bytes())
        };
        let (image, base) = (config(&[line(1), line(2), line(3)])?, config(&[line(1), line(2)])?);
        let layers = [layer(b"1"), layer(b"2"), layer(b"3")];
        let times = |base: Option<&Config>| -> Result<Vec<bool>> {
            let text =
                image.assemble(&layers, Some(0), 0, base).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())?;
            assert!(text.contains(r#""created":"1970-01-01T00:00:00Z","history""#), "{text}");
            Ok((1..=3).map(|minute| text.contains(&line(minute))).collect())
        };
        assert_eq!(times(Some(&base)), Ok(vec![true, true, false]));
        assert_eq!(times(None), Ok(vec![false; 3]));
        Ok(())
    }
}

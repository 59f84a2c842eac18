//! Whole jobs: the core's `export` over media of JavaScript.

use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use ocix_core::contents::Form;
use ocix_core::error::Result;
use ocix_core::export::{self, Attestation, Content, Job, Report, Results, Source, Target};
use ocix_core::options::Request;
use ocix_core::registry::{Policy, Pushed, Tally};

use crate::errors;
use crate::media::{Directory, File, Input, Seam, Tree};
use crate::seam::{JsDirectory, JsMedia};
use crate::value::{self, set};

/// `exporter.run`. `job` has the members of the record of that name, as `web/job.js` makes it.
#[wasm_bindgen(js_name = exportImage)]
pub async fn export_image(media: JsMedia, job: JsValue, store: JsDirectory) -> std::result::Result<JsValue, JsValue> {
    let media = Seam(media);
    let run = async { export::run(&media, self::job(&job)?, Directory(store)).await };
    run.await.map(results).map_err(errors::outward)
}

fn job(given: &JsValue) -> Result<Job<Seam>> {
    let list = |name| value::list(given, name).map(Option::unwrap_or_default);
    let pair = |pair: JsValue| match (value::text(&pair, "0")?, value::text(&pair, "1")?) {
        (Some(key), Some(value)) => Ok((key, value)),
        _ => Err(value::wrong("changes", "has something that is no pair of key and value")),
    };
    let platform = |text: String| text.parse();
    Ok(Job {
        contents: list("contents")?.iter().map(|one| content(&one)).collect::<Result<_>>()?,
        base: value::field(given, "base").map(|base| content(&base)).transpose()?,
        platforms: value::texts(given, "platforms")?.into_iter().map(platform).collect::<Result<_>>()?,
        native: value::parsed(given, "native")?.ok_or_else(|| value::wrong("native", "is missing"))?,
        multi_platform: value::truth(given, "multiPlatform"),
        config: value::field(given, "config").map(file),
        changes: list("changes")?.iter().map(pair).collect::<Result<_>>()?,
        attestations: list("attestations")?.iter().map(|one| attestation(&one)).collect::<Result<_>>()?,
        request: Request {
            outputs: value::texts(given, "outputs")?,
            tags: value::texts(given, "tags")?,
            annotations: value::texts(given, "annotations")?,
            push: value::truth(given, "push"),
            load: false,
        },
        epoch: value::whole(given, "epoch")?,
        xattrs: value::truth(given, "xattrs"),
        fail_fast: value::truth(given, "failFast"),
        policy: Policy {
            mounts: !value::truth(given, "noMount"),
            mount_from: value::texts(given, "mountFrom")?,
            dry_run: value::truth(given, "dryRun"),
            ..Policy::default()
        },
        load: None,
        engine: None,
        runtime: None,
    })
}

/// `{ kind, of, form?, name?, platform? }`: `of` is a tree, file, input, directory or reference, as `kind` says.
pub fn content(given: &JsValue) -> Result<Content<Seam>> {
    let of = value::field(given, "of").ok_or_else(|| value::wrong("of", "is missing"))?;
    let text = || value::text(given, "of").map(Option::unwrap_or_default);
    Ok(Content {
        source: match value::text(given, "kind")?.unwrap_or_default().as_str() {
            "files" => Source::Files(Tree(of.unchecked_into())),
            "archive" => Source::Archive(file(of)),
            "piped" => Source::Piped(Input(of.unchecked_into())),
            "layout" => Source::Layout(Directory(of.unchecked_into())),
            "registry" => Source::Registry(text()?),
            _ => return Err(value::wrong("kind", "is no kind of source")),
        },
        form: match value::text(given, "form")?.as_deref() {
            None => Form::Detect,
            Some("root-filesystem") => Form::RootFilesystem,
            Some("image") => Form::Image,
            Some(_) => return Err(value::wrong("form", "is neither `root-filesystem` nor `image`")),
        },
        name: value::text(given, "name")?,
        platform: value::parsed(given, "platform")?,
    })
}

fn attestation(given: &JsValue) -> Result<Attestation<Seam>> {
    Ok(Attestation {
        file: value::field(given, "file").map(file).ok_or_else(|| value::wrong("file", "is missing"))?,
        predicate_type: value::text(given, "predicateType")?,
        platform: value::parsed(given, "platform")?,
        inline_only: value::truth(given, "inlineOnly"),
    })
}

fn file(given: JsValue) -> File {
    File(given.unchecked_into())
}

fn results(Results { reports, metadata, image_id }: Results) -> JsValue {
    let object = Object::new();
    set(&object, "reports", &reports.into_iter().map(report).collect::<Array>());
    set(&object, "metadata", &metadata.into());
    image_id.iter().for_each(|digest| set(&object, "imageId", &digest.as_str().into()));
    object.into()
}

fn report(report: Report) -> JsValue {
    let object = Object::new();
    set(&object, "targets", &report.targets.into_iter().map(target).collect::<Array>());
    object.into()
}

fn target(Target { name, outcome, pushed }: Target) -> JsValue {
    let object = Object::new();
    set(&object, "name", &name.into());
    match outcome {
        Ok(digest) => digest.iter().for_each(|digest| set(&object, "digest", &digest.as_str().into())),
        Err(error) => set(&object, "error", &errors::outward(error)),
    }
    pushed.into_iter().for_each(|pushed| set(&object, "pushed", &self::pushed(pushed)));
    object.into()
}

fn pushed(pushed: Pushed) -> JsValue {
    let Pushed { uploaded, mounted, already_there, sent, retries, resumed, requests } = pushed;
    let object = Object::new();
    for (name, Tally { count, bytes }) in
        [("uploaded", uploaded), ("mounted", mounted), ("alreadyThere", already_there)]
    {
        let tally = Object::new();
        set(&tally, "count", &count.into());
        set(&tally, "bytes", &(bytes as f64).into());
        set(&object, name, &tally);
    }
    set(&object, "sent", &(sent as f64).into());
    set(&object, "retries", &retries.into());
    set(&object, "resumed", &resumed.into());
    let planned = Array::new();
    for request in requests {
        let one = Object::new();
        set(&one, "method", &request.method.into());
        set(&one, "url", &request.url.into());
        set(&one, "bytes", &(request.bytes as f64).into());
        planned.push(&one);
    }
    set(&object, "requests", &planned);
    object.into()
}

//! The core for pages and Node: files in memory go in, an OCI archive comes out.
//!
//! A shell: it turns JavaScript values into the core's media in memory and decides nothing. It needs neither shared memory nor stack
//! switching, and the bytes are those of every other host. `web/` is the npm package around it:
//!
//! ```js
//! import { exportImage } from 'ocix';
//!
//! const entries = [{ path: 'index.html', content: '<p>hello</p>' }];
//! const { digest, archive } = await exportImage({ entries, output: 'type=image,name=site:latest', epoch: 0 });
//! ```

#![forbid(unsafe_code)]

mod entries;
mod value;

use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::prelude::*;

use ocix_core::error::Error;
use ocix_core::export::{self, Job, Source};
use ocix_core::media::Event;
use ocix_core::memory::{Directory, Memory};
use ocix_core::options;
use ocix_core::store::archive;

/// Exports a tree to an OCI archive.
///
/// `job` is `{ entries, output, platform?, epoch?, xattrs? }`: `entries` as [`entries::tree`] takes them, `output` as the command line's
/// `--output`, `platform` as `OS/ARCH[/VARIANT]`, default `linux/amd64`; `epoch` in seconds. The promise's value is
/// `{ names, digest, archive, warnings }` with the archive as a `Uint8Array`. It is rejected with an `Error` whose `code` and
/// `fault` are those of `wit/types.wit`.
#[wasm_bindgen(js_name = exportImage)]
pub async fn export_image(job: JsValue) -> Result<JsValue, JsValue> {
    run(&job).await.map_err(thrown)
}

/// Checks one output, before any work; throws as [`export_image`] rejects.
#[wasm_bindgen(js_name = checkOutput)]
pub fn check_output(output: &str) -> Result<(), JsValue> {
    options::parse(output).map(drop).map_err(thrown)
}

async fn run(job: &JsValue) -> Result<JsValue, Error> {
    let platform = value::text(job, "platform")?.unwrap_or_else(|| "linux/amd64".into()).parse()?;
    let output = value::text(job, "output")?.ok_or_else(|| value::wrong("output", "is missing"))?;
    let entries = value::list(job, "entries")?.ok_or_else(|| value::wrong("entries", "is missing"))?;
    let source = Source::Files(entries::tree(&entries)?);
    let job = Job {
        epoch: value::whole(job, "epoch")?,
        xattrs: value::truth(job, "xattrs"),
        ..Job::new(source, platform, vec![output])
    };
    let media = Memory { now: (js_sys::Date::now() / 1000.0) as i64, ..Memory::default() };
    let store = Directory::default();
    let reports = export::run(&media, job, store.clone()).await?.reports;
    let names = Array::new();
    let mut digest = None;
    for target in reports.into_iter().flat_map(|report| report.targets) {
        digest = target.outcome?;
        names.push(&target.name.into());
    }
    let warnings = Array::new();
    for event in media.events.borrow().iter() {
        if let Event::Warning(text) = event {
            warnings.push(&text.into());
        }
    }
    let files = store.files();
    let archive = archive::pack(files.iter().map(|(path, file)| (path.as_str(), file.as_ref())))?;
    let result = Object::new();
    value::set(&result, "names", &names);
    value::set(&result, "digest", &digest.map_or(JsValue::UNDEFINED, |digest| digest.to_string().into()));
    value::set(&result, "archive", &Uint8Array::from(archive.as_slice()));
    value::set(&result, "warnings", &warnings);
    Ok(result.into())
}

fn thrown(error: Error) -> JsValue {
    let thrown = js_sys::Error::new(&error.to_string());
    value::set(&thrown, "code", &format!("{:?}", error.code).into());
    value::set(&thrown, "fault", &format!("{:?}", error.fault).to_lowercase().into());
    thrown.into()
}

//! What the world `toolkit` exports: the option table, what can be found, the codec and hashes. Pure and synchronous, for the workers of a pool.

use js_sys::{Array, Object, Uint8Array, Uint32Array};
use wasm_bindgen::prelude::*;

use ocix_core::inspect::verify::{self, Severity};
use ocix_core::layer::{self, hash::Running};
use ocix_core::media::{Chunk, Compression, HashAlgorithm, Packed};
use ocix_core::options::{self, Kind, Row};

use crate::errors;
use crate::value::{self, set};

/// `codec.compress`: `{ bytes, parts, crc32 }`.
#[wasm_bindgen]
pub fn compress(
    codec: &str,
    level: u8,
    dictionary: Vec<u8>,
    bytes: Vec<u8>,
    parts: Vec<u32>,
    last: bool,
) -> Result<JsValue, JsValue> {
    let compressed = || {
        let compression = match codec {
            "deflate" => Compression::Deflate(level),
            "gzip" => Compression::Gzip(level),
            "zstd" => Compression::Zstd(level),
            _ => return Err(value::wrong("codec", "is none")),
        };
        layer::compress(&Chunk { compression, dictionary, bytes, parts, last })
    };
    let Packed { bytes, parts, crc32 } = compressed().map_err(errors::outward)?;
    let packed = Object::new();
    set(&packed, "bytes", &Uint8Array::from(bytes.as_slice()));
    set(&packed, "parts", &Uint32Array::from(parts.as_slice()));
    set(&packed, "crc32", &crc32.into());
    Ok(packed.into())
}

/// `codec.hasher`.
#[wasm_bindgen]
pub struct Hasher(Running);

#[wasm_bindgen]
impl Hasher {
    /// Of `sha256` or `sha512`.
    #[wasm_bindgen(constructor)]
    pub fn new(algorithm: &str) -> Hasher {
        Self(Running::new(if algorithm == "sha512" { HashAlgorithm::Sha512 } else { HashAlgorithm::Sha256 }))
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The raw bytes of the hash of everything so far.
    pub fn sum(&self) -> Vec<u8> {
        self.0.sum()
    }
}

/// `options.check`.
#[wasm_bindgen(js_name = checkOutput)]
pub fn check_output(output: &str) -> Result<(), JsValue> {
    options::parse(output).map(drop).map_err(errors::outward)
}

/// `options.describe`.
#[wasm_bindgen(js_name = options)]
pub fn describe() -> Array {
    options::table().iter().map(described).collect()
}

/// `findings.codes`.
#[wasm_bindgen]
pub fn findings() -> Array {
    let code = |code: &&verify::Code| {
        let object = Object::new();
        let severity = match code.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Broken => "broken",
        };
        set(&object, "name", &code.name.into());
        set(&object, "severity", &severity.into());
        set(&object, "explanation", &code.explanation.into());
        JsValue::from(object)
    };
    verify::codes().iter().map(code).collect()
}

fn described(row: &Row) -> JsValue {
    let object = Object::new();
    let texts = |texts: &[&str]| texts.iter().map(|text| JsValue::from(*text)).collect::<Array>();
    let kind = match row.kind() {
        Kind::Flag => "flag",
        Kind::Bool => "bool",
        Kind::Text => "text",
        Kind::Number => "number",
        Kind::Choice => "choice",
        Kind::Texts => "texts",
    };
    set(&object, "key", &row.key.into());
    set(&object, "aliases", &texts(row.aliases));
    set(&object, "kind", &kind.into());
    set(&object, "choices", &texts(row.choices));
    set(&object, "default", &row.default.into());
    set(
        &object,
        "exporters",
        &row.exporters.iter().map(|exporter| JsValue::from(exporter.as_str())).collect::<Array>(),
    );
    set(&object, "conflicts", &row.conflicts().into_iter().map(JsValue::from).collect::<Array>());
    set(&object, "doc", &row.doc.into());
    object.into()
}

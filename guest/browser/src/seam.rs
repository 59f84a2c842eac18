//! The objects of `web/media`, as wasm-bindgen calls them: the imports of `wit/media.wit` in JavaScript.
//!
//! Methods that wait return promises, which are rejected with what `errors::inward` reads. Bytes are `Uint8Array`s; sizes and offsets are
//! numbers, which are exact up to 2^53. `room` answers an array for bytes that workers are sent: one that was used before, if there is one.

use js_sys::{Uint8Array, Uint32Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// `files.file`.
    pub type JsFile;
    #[wasm_bindgen(method, getter)]
    pub fn size(this: &JsFile) -> f64;
    #[wasm_bindgen(method, catch, js_name = readAt)]
    pub async fn read_at(this: &JsFile, offset: f64, max: u32) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    pub fn drop(this: &JsFile);

    /// `files.input`.
    pub type JsInput;
    #[wasm_bindgen(method, catch)]
    pub async fn read(this: &JsInput, max: u32) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    pub fn drop(this: &JsInput);

    /// `trees.tree`.
    pub type JsTree;
    #[wasm_bindgen(method, catch)]
    pub async fn walk(this: &JsTree, max: u32, whole: u32) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn open(this: &JsTree, path: Uint8Array) -> Result<JsValue, JsValue>;

    /// `directories.directory`.
    pub type JsDirectory;
    #[wasm_bindgen(method, catch)]
    pub async fn open(this: &JsDirectory, path: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn create(this: &JsDirectory) -> Result<JsValue, JsValue>;

    /// `directories.writer`.
    pub type JsWriter;
    #[wasm_bindgen(method, catch)]
    pub async fn write(this: &JsWriter, bytes: Uint8Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn reader(this: &JsWriter) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn publish(this: &JsWriter, path: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    pub fn drop(this: &JsWriter);

    /// `destinations.sink`.
    pub type JsSink;
    #[wasm_bindgen(method, catch)]
    pub async fn write(this: &JsSink, bytes: Uint8Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn finish(this: &JsSink) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    pub fn drop(this: &JsSink);

    /// `destinations.tree-writer`.
    pub type JsTreeWriter;
    #[wasm_bindgen(method, catch)]
    pub async fn put(this: &JsTreeWriter, entry: JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn write(this: &JsTreeWriter, bytes: Uint8Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn finish(this: &JsTreeWriter) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    pub fn drop(this: &JsTreeWriter);

    /// `http.exchange`.
    pub type JsExchange;
    #[wasm_bindgen(method, catch)]
    pub async fn write(this: &JsExchange, bytes: Uint8Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn finish(this: &JsExchange) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    pub fn drop(this: &JsExchange);

    /// `workers.hasher`.
    pub type JsHasher;
    #[wasm_bindgen(method)]
    pub fn room(this: &JsHasher, length: u32) -> Uint8Array;
    #[wasm_bindgen(method, catch)]
    pub async fn update(this: &JsHasher, bytes: Uint8Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn sum(this: &JsHasher) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    pub fn drop(this: &JsHasher);

    /// Everything that is ambient: `workers`, `destinations`, `http`, `credentials`, `clock`, `control`, `progress`.
    pub type JsMedia;
    #[wasm_bindgen(method)]
    pub fn parallelism(this: &JsMedia) -> u32;
    #[wasm_bindgen(method)]
    pub fn room(this: &JsMedia, length: u32) -> Uint8Array;
    #[wasm_bindgen(method, catch)]
    pub async fn compress(
        this: &JsMedia,
        codec: &str,
        level: u8,
        dictionary: Uint8Array,
        bytes: Uint8Array,
        parts: Uint32Array,
        last: bool,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    pub fn hasher(this: &JsMedia, algorithm: &str) -> JsHasher;
    #[wasm_bindgen(method, catch)]
    pub async fn archive(this: &JsMedia, dest: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn layout(this: &JsMedia, dest: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = rootFilesystem)]
    pub async fn root_filesystem(this: &JsMedia, dest: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn exchange(this: &JsMedia, request: JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn credential(this: &JsMedia, repository: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    pub fn wall(this: &JsMedia) -> f64;
    #[wasm_bindgen(method, catch)]
    pub async fn sleep(this: &JsMedia, milliseconds: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub async fn cancelled(this: &JsMedia) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    pub fn emit(this: &JsMedia, event: JsValue);
}

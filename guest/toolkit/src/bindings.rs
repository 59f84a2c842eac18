//! What `wit_bindgen` makes of the world `toolkit`. Nothing else stands here.

#![allow(missing_docs, unsafe_code, unused_qualifications, clippy::all, reason = "generated; the WIT is documented")]

wit_bindgen::generate!({ path: "../../wit", world: "toolkit" });

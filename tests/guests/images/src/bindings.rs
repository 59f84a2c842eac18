//! What `wit_bindgen` makes of the world `images`. And the guest as its exports. Nothing else stands here.

#![allow(missing_docs, unsafe_code, unused_qualifications, clippy::all, reason = "generated; the WIT is documented")]

use crate::Misbehaving;

wit_bindgen::generate!({ path: "../../../wit", world: "images" });

export!(Misbehaving);

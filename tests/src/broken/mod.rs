//! Images that are broken, each in one way: layouts, archives, lone layers and documents, written into a folder to be tried by any program.
//!
//! `cargo run --release -p ocix-tests --bin broken FOLDER` writes them, and `FOLDER/faults.txt` with a line for each: its name, and the code
//! that `ocix verify` must find.

mod archives;
mod documents;
mod image;
mod layers;
mod tar;

use std::fs;
use std::path::Path;

use serde_json::Value;

use image::{Edit, Files, Part};

pub use image::{gzip, zstd};
pub use tar::{END, Head, extended, file, link, record};

/// An image, and what is wrong with it.
pub struct Broken {
    /// Of the folder or file.
    pub name: String,
    /// The code that must be found; none for an image without a fault.
    pub code: Option<&'static str>,
    /// Codes that must be found too, for what follows from the fault.
    pub also: &'static [&'static str],
    content: Content,
}

/// What an image is written as.
enum Content {
    File(Vec<u8>),
    Layout(Files),
}

/// A fault in a layout: name, code, codes that are found too, where it is, how it is planted.
type Fault = (&'static str, &'static str, &'static [&'static str], Part, Edit);

/// All of them, those without a fault first.
pub fn all() -> Vec<Broken> {
    let layout =
        |name: &str, code, also, files| Broken { name: name.to_owned(), code, also, content: Content::Layout(files) };
    let mut all = vec![layout("good", None, &[], image::layout(Part::Files, Edit::Nothing))];
    all.extend(archives::all());
    for (name, code, also, part, edit) in documents::FAULTS.iter().chain(layers::FAULTS) {
        all.push(layout(name, Some(code), also, image::layout(*part, *edit)));
    }
    all
}

impl Broken {
    /// Writes it into a folder.
    pub fn write(&self, folder: &Path) {
        let root = folder.join(&self.name);
        match &self.content {
            Content::File(bytes) => fs::write(root, bytes).unwrap(),
            Content::Layout(files) => {
                for (path, bytes) in files {
                    let path = root.join(path);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, bytes).unwrap();
                }
            }
        }
    }
}

/// Sets a member by a JSON pointer; the object that it is in must be there.
fn set(document: &mut Value, pointer: &str, value: impl Into<Value>) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[name] = value.into();
}

//! Whole sources, in memory: what each is taken for, what is read from it, what is refused.

mod corpora;
mod detection;
mod docker;
mod refused;
mod stored;

use std::io::Write;

use futures_util::FutureExt;

use super::{Archived, Bytes, Form, Images, Tar, archive};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::Result;
use crate::layer::tar;
use crate::media::{Directory as _, Entry, Input, Kind, Media, Writer};
use crate::memory::{self, Memory};
use crate::store::Layout;

/// How a tar is handed in.
#[derive(Clone, Copy, Debug)]
enum Way {
    AtRest,
    Piped,
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("in memory nothing waits")
}

fn open<'a>(media: &'a Memory, bytes: &[u8], way: Way, form: Form) -> Result<Archived<'a, Memory>> {
    let tar = match way {
        Way::AtRest => Tar::AtRest(bytes.to_vec().into()),
        Way::Piped => Tar::Piped(bytes.to_vec().into()),
    };
    wait(archive(media, tar, &Layout::store(memory::Directory::default()), form))
}

/// The images of an archive at rest.
fn images<'a>(media: &'a Memory, bytes: &[u8]) -> Result<Images<'a, Memory>> {
    match open(media, bytes, Way::AtRest, Form::Image)? {
        Archived::Images(images) => Ok(images),
        Archived::RootFilesystem(_) => panic!("the form was said"),
    }
}

fn all(mut input: impl Input) -> Vec<u8> {
    wait(async {
        let mut all = Vec::new();
        loop {
            let piece = input.read(1000).await.expect("bytes");
            if piece.is_empty() {
                return all;
            }
            all.extend(piece);
        }
    })
}

fn content<M: Media>(bytes: &Bytes<'_, M>) -> Vec<u8> {
    all(bytes.open().now_or_never().expect("at hand").expect("a reader"))
}

/// A tar of files.
fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
    let members = files.iter().map(|(name, content)| (*name, Kind::Regular(content.len() as u64), *content));
    pack_members(&members.collect::<Vec<_>>())
}

fn pack_members(members: &[(&str, Kind, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, kind, content) in members {
        let (path, kind, modified) = (name.as_bytes().to_vec(), kind.clone(), Default::default());
        let entry = Entry { path, kind, mode: 0o644, uid: 0, gid: 0, modified, xattrs: Vec::new() };
        tar::append(&mut out, &entry, false).expect("a header");
        out.extend_from_slice(content);
        tar::pad(&mut out, content.len() as u64);
    }
    out.extend(tar::END);
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    rust_zstd::compress_to_vec(bytes)
}

/// A directory with these files.
fn directory(files: &[(String, Vec<u8>)]) -> memory::Directory {
    let directory = memory::Directory::default();
    for (path, content) in files {
        wait(async {
            let mut writer = directory.create().await?;
            writer.write(content.clone()).await?;
            writer.publish(path).await
        })
        .expect("published");
    }
    directory
}

/// A docker archive's config for these layers.
fn config(layers: &[&[u8]]) -> Vec<u8> {
    let ids: Vec<String> = layers.iter().map(|layer| format!("\"{}\"", Digest::of(layer))).collect();
    let ids = ids.join(",");
    format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[{ids}]}}}}"#).into_bytes()
}

fn digests(roots: &[Descriptor]) -> Vec<&str> {
    roots.iter().map(|root| root.digest.as_str()).collect()
}

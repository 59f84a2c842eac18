//! An image as an archive: an OCI layout in one tar, in BuildKit's order; for `docker load` with a `manifest.json`.

use std::collections::{BTreeMap, BTreeSet};

use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::documents::docker_archive;
use crate::documents::index::{Index, LAYOUT_FILE, Name};
use crate::error::Result;
use crate::layer::tar;
use crate::media::{Input, Media, Sink};
use crate::options::Exporter;
use crate::store::PIECE;

use super::super::checked::Checked;
use super::super::image::{Document, Image, Picture};
use super::{blobs, dest, entries, named, progress};

/// Writes the archive to the output's destination.
pub async fn write<M: Media>(media: &M, image: &Image<'_, '_, M>) -> Result<()> {
    let dest = dest(image)?;
    let members = members(image, image.output.exporter == Exporter::Docker)?;
    pack(media, dest, media.archive(dest).await?, &members).await
}

/// Files of an archive by path, which is their order.
pub type Members<'a, M> = BTreeMap<String, Member<'a, M>>;

/// Writes an archive to a sink, which `dest` is in words. Blobs are checked as they pass.
pub async fn pack<M: Media, S: Sink>(media: &M, dest: &str, sink: S, members: &Members<'_, M>) -> Result<()> {
    let mut archive = Archive { media, dest, sink, done: 0 };
    let folders: BTreeSet<&str> =
        members.keys().filter_map(|path| path.rsplit_once('/')).map(|(folder, _)| folder).collect();
    for folder in ["blobs"].into_iter().chain(folders) {
        archive.append(tar::plain(&format!("{folder}/"), 0o755, 0)?).await?;
    }
    for (path, member) in members {
        archive.member(path, member).await?;
    }
    archive.append(tar::END.to_vec()).await?;
    archive.sink.finish().await?;
    progress(media, dest, archive.done, true);
    Ok(())
}

/// The files of an OCI layout: what its `index.json` lists, blobs, and manifests.
pub fn layout<'a, M: Media>(
    listed: Vec<(Option<Name>, Descriptor)>,
    blobs: impl IntoIterator<Item = (Descriptor, Bytes<'a, M>)>,
    manifests: impl IntoIterator<Item = (Descriptor, Vec<u8>)>,
) -> Result<Members<'a, M>> {
    let mut index = Index::default();
    index.put(&listed);
    let mut members = BTreeMap::from([
        ("index.json".to_owned(), Member::Listing(index.to_bytes()?)),
        ("oci-layout".to_owned(), Member::Fixed(LAYOUT_FILE.to_vec())),
    ]);
    for (descriptor, bytes) in blobs {
        members.insert(descriptor.digest.blob_path(), Member::Blob(descriptor, bytes));
    }
    for (descriptor, bytes) in manifests {
        members.insert(descriptor.digest.blob_path(), Member::Fixed(bytes));
    }
    Ok(members)
}

/// A file of the archive.
pub enum Member<'a, M: Media> {
    /// One that changes in a layout.
    Listing(Vec<u8>),
    /// One that never does.
    Fixed(Vec<u8>),
    /// One to be read, and checked.
    Blob(Descriptor, Bytes<'a, M>),
}

/// What an archive of an image has; with `docker` also what `docker load` reads, when it is of one platform.
pub fn members<'a, M: Media>(image: &Image<'a, '_, M>, docker: bool) -> Result<Members<'a, M>> {
    let manifests = image.manifests.iter().map(|manifest| (manifest.descriptor.clone(), manifest.bytes.to_vec()));
    let mut members = layout(named(image, &image.names)?, blobs(image).into_values(), manifests)?;
    if docker
        && let [picture] = image.pictures.as_slice()
        && picture.manifest.digest == image.entry.digest
    {
        members.insert(LISTING.into(), listing(image, picture)?);
    }
    Ok(members)
}

/// The same of the image for one of several platforms alone, under all names.
pub fn of_picture<'a, M: Media>(image: &Image<'a, '_, M>, picture: &Picture<'a, M>) -> Result<Members<'a, M>> {
    let own = |document: &&Document| {
        [&picture.config.digest, &picture.manifest.digest].contains(&&document.descriptor.digest)
    };
    let layers = picture.listed.iter().zip(&picture.layers);
    let layers = layers.map(|(descriptor, blob)| (descriptor.clone(), blob.bytes.clone()));
    let documents =
        image.documents.iter().filter(own).map(|document| (document.descriptor.clone(), document.content()));
    let manifests = image.manifests.iter().filter(own);
    let manifests = manifests.map(|manifest| (manifest.descriptor.clone(), manifest.bytes.to_vec()));
    let mut members = layout(entries(image, &picture.manifest, &image.names)?, layers.chain(documents), manifests)?;
    members.insert(LISTING.into(), listing(image, picture)?);
    Ok(members)
}

/// What `docker load` reads of an image for one platform.
fn listing<'a, M: Media>(image: &Image<'a, '_, M>, picture: &Picture<'a, M>) -> Result<Member<'a, M>> {
    let tags: Vec<String> = image.names.iter().map(docker_archive::repo_tag).collect();
    let layers: Vec<String> = picture.listed.iter().map(|layer| layer.digest.blob_path()).collect();
    docker_archive::manifest(&picture.config.digest.blob_path(), &tags, &layers).map(Member::Listing)
}

/// An archive in the making.
struct Archive<'m, M: Media, S> {
    media: &'m M,
    dest: &'m str,
    sink: S,
    done: u64,
}

impl<M: Media, S: Sink> Archive<'_, M, S> {
    async fn member(&mut self, path: &str, member: &Member<'_, M>) -> Result<()> {
        let (mode, size) = match member {
            Member::Listing(bytes) => (0o644, bytes.len() as u64),
            Member::Fixed(bytes) => (0o444, bytes.len() as u64),
            Member::Blob(descriptor, _) => (0o444, descriptor.size),
        };
        let mut piece = tar::plain(path, mode, size)?;
        match member {
            Member::Listing(bytes) | Member::Fixed(bytes) => piece.extend_from_slice(bytes),
            Member::Blob(descriptor, bytes) => {
                let mut checked = Checked::open(self.media, descriptor, bytes).await?;
                loop {
                    let read = checked.read(PIECE).await?;
                    if read.is_empty() {
                        break;
                    }
                    self.append(std::mem::replace(&mut piece, read)).await?;
                }
            }
        }
        tar::pad(&mut piece, size);
        self.append(piece).await
    }

    async fn append(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.done = self.done.saturating_add(bytes.len() as u64);
        self.sink.write(bytes).await?;
        progress(self.media, self.dest, self.done, false);
        Ok(())
    }
}

/// Where docker looks first.
const LISTING: &str = "manifest.json";

//! Media whose files come in pieces of a given size: what is found does not depend on it.

use super::documents::FAULTS;
use super::layers::entries;
use super::made::{Recipe, make};
use super::tars::tar;
use super::{Files, directory, found, in_layout};
use crate::error::Result;
use crate::export::Source;
use crate::inspect::Limits;
use crate::media::{self, Chunk, Credential, Event, Ground, HashAlgorithm, Media, Packed, Request};
use crate::memory::{self, Memory};

struct Split(Memory, u32);

struct File(memory::File, u32);

struct Directory(memory::Directory, u32);

struct Writer(memory::Writer, u32);

impl media::File for File {
    fn size(&self) -> u64 {
        self.0.size()
    }

    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        self.0.read_at(offset, max.min(self.1)).await
    }
}

impl media::Directory for Directory {
    type File = File;
    type Writer = Writer;
    type Lock = ();

    async fn open(&self, path: &str) -> Result<Option<File>> {
        Ok(self.0.open(path).await?.map(|file| File(file, self.1)))
    }

    async fn create(&self) -> Result<Writer> {
        Ok(Writer(self.0.create().await?, self.1))
    }

    async fn lock(&self) -> Result<()> {
        Ok(())
    }
}

impl media::Writer for Writer {
    type File = File;

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.0.write(bytes).await
    }

    async fn reader(&self) -> Result<File> {
        Ok(File(self.0.reader().await?, self.1))
    }

    async fn publish(self, path: &str) -> Result<File> {
        Ok(File(self.0.publish(path).await?, self.1))
    }
}

/// A tree that nobody reads.
struct Tree;

impl media::Tree for Tree {
    type File = File;

    async fn walk(&mut self, _: u32, _: u32) -> Result<Vec<(media::Entry, Vec<u8>)>> {
        Ok(Vec::new())
    }

    async fn open(&self, _: &[u8]) -> Result<File> {
        Ok(File(Vec::new().into(), 1))
    }
}

impl Media for Split {
    type File = File;
    type Input = memory::Input;
    type Tree = Tree;
    type Directory = Directory;
    type Store = memory::Store;
    type Sink = memory::Sink;
    type TreeWriter = memory::TreeWriter;
    type Exchange = memory::Exchange;
    type Hasher = memory::Hasher;
    type Engine = memory::Engine;

    fn parallelism(&self) -> u32 {
        1
    }

    async fn compress(&self, chunk: Chunk) -> Result<Packed> {
        self.0.compress(chunk).await
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> memory::Hasher {
        self.0.hasher(algorithm)
    }

    async fn archive(&self, dest: &str) -> Result<memory::Sink> {
        self.0.archive(dest).await
    }

    async fn layout(&self, dest: &str) -> Result<Directory> {
        Ok(Directory(self.0.layout(dest).await?, self.1))
    }

    async fn root_filesystem(&self, dest: &str, ground: Ground) -> Result<memory::TreeWriter> {
        self.0.root_filesystem(dest, ground).await
    }

    async fn kept(&self, place: &Directory, path: &str) -> Result<Option<memory::TreeWriter>> {
        self.0.kept(&place.0, path).await
    }

    async fn exchange(&self, request: Request) -> Result<memory::Exchange> {
        self.0.exchange(request).await
    }

    async fn credential(&self, repository: &str) -> Result<Option<Credential>> {
        self.0.credential(repository).await
    }

    fn wall(&self) -> i64 {
        0
    }

    async fn sleep(&self, _: u64) {}

    async fn cancelled(&self) {
        std::future::pending().await
    }

    fn emit(&self, _: Event) {}
}

fn same_in_pieces(files: &Files, what: &str) {
    let whole = in_layout(files, Limits::default());
    for size in [1, 7, 511, 512, 513, 1000] {
        let media = Split(Memory::default(), size);
        let source = Source::Layout(Directory(directory(files), size));
        let split = found(&media, source, Directory(memory::Directory::default(), size), Limits::default());
        assert_eq!(split.as_ref(), Ok(&whole), "{what} in pieces of {size}");
    }
}

#[test]
fn pieces_do_not_matter() {
    same_in_pieces(&make(&Recipe::good()), "good");
    for (code, _, plant) in FAULTS {
        let mut recipe = Recipe::good();
        plant(&mut recipe);
        same_in_pieces(&make(&recipe), code);
    }
    for (code, entries) in entries() {
        for at in 0..3 {
            let mut recipe = Recipe::good();
            recipe.tars[at] = tar(&entries);
            same_in_pieces(&make(&recipe), code);
        }
    }
}

/// Wherever a layer's blob is damaged, which byte is which still does not depend on the pieces.
#[test]
fn pieces_do_not_matter_for_damaged_blobs() {
    fn damaged(bytes: Vec<u8>, at: usize) -> Vec<u8> {
        let mut bytes = bytes;
        let at = at * bytes.len() / 40;
        bytes[at] ^= 0x15;
        bytes
    }
    for at in 0..40 {
        for layer in 0..2 {
            let mut recipe = Recipe::good();
            // The layers that were packed before the damage are listed as they are after it.
            let blob = damaged((recipe.pack[layer])(&recipe.tars[layer]), at);
            recipe.tars[layer] = blob;
            recipe.pack[layer] = <[u8]>::to_vec;
            same_in_pieces(&make(&recipe), &format!("layer {layer} damaged at {at}/40"));
        }
    }
}

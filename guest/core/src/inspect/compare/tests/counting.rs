//! Only what differs is read.

use std::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::inspect::compare::Relation;
use crate::layer;
use crate::media::{self, Chunk, Credential, Event, Ground, HashAlgorithm, Packed, Request};
use crate::memory;

/// Memory that counts the bytes that are read of it.
struct Counting(Memory);

struct File(memory::File, Rc<Cell<u64>>);

struct Folder(Directory, Rc<Cell<u64>>);

/// Nothing is written.
enum Never {}

impl media::File for File {
    fn size(&self) -> u64 {
        self.0.size()
    }

    async fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>> {
        let piece = self.0.read_at(offset, max).await?;
        self.1.set(self.1.get() + piece.len() as u64);
        Ok(piece)
    }
}

impl media::Tree for Never {
    type File = File;

    async fn walk(&mut self, _: u32, _: u32) -> Result<Vec<(Entry, Vec<u8>)>> {
        match *self {}
    }

    async fn open(&self, _: &[u8]) -> Result<File> {
        match *self {}
    }
}

impl media::Writer for Never {
    type File = File;

    async fn write(&mut self, _: Vec<u8>) -> Result<()> {
        match *self {}
    }

    async fn reader(&self) -> Result<File> {
        match *self {}
    }

    async fn publish(self, _: &str) -> Result<File> {
        match self {}
    }
}

impl media::Directory for Folder {
    type File = File;
    type Writer = Never;
    type Lock = ();

    async fn open(&self, path: &str) -> Result<Option<File>> {
        Ok(self.0.open(path).await?.map(|file| File(file, self.1.clone())))
    }

    async fn create(&self) -> Result<Never> {
        panic!("nothing is written")
    }

    async fn lock(&self) -> Result<()> {
        Ok(())
    }
}

impl Media for Counting {
    type File = File;
    type Input = memory::Input;
    type Tree = Never;
    type Directory = Folder;
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
        layer::compress(&chunk)
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> memory::Hasher {
        self.0.hasher(algorithm)
    }

    async fn archive(&self, dest: &str) -> Result<memory::Sink> {
        self.0.archive(dest).await
    }

    async fn layout(&self, _: &str) -> Result<Folder> {
        panic!("nothing is written")
    }

    async fn root_filesystem(&self, dest: &str, ground: Ground) -> Result<memory::TreeWriter> {
        self.0.root_filesystem(dest, ground).await
    }

    async fn kept(&self, _: &Folder, _: &str) -> Result<Option<memory::TreeWriter>> {
        panic!("nothing is written")
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

    fn emit(&self, event: Event) {
        self.0.emit(event);
    }
}

/// The comparison; bytes that were read, and bytes of all blobs.
fn counted(one: &Directory, other: &Directory) -> (Comparison, u64, u64) {
    let media = Counting(Memory::default());
    let count = Rc::new(Cell::new(0));
    let image = |directory: &Directory| {
        let folder = || Folder(directory.clone(), count.clone());
        open(&media, Source::Layout(folder()), Limits::default(), folder())
    };
    let comparison = wait(compare(&image(one), &image(other))).unwrap();
    let all =
        [one, other].into_iter().flat_map(|directory| directory.files()).map(|(_, file)| file.as_ref().len() as u64);
    (comparison, count.get(), all.sum())
}

#[test]
fn shared_layers_are_not_read_and_others_once() {
    let large = |name: &str| {
        let text: String = (0..30_000).map(|number| format!("{name} {number}\n")).collect();
        files(&[(name, &text)])
    };
    let shared = [large("one"), large("two"), large("three")];
    let own = |text: &str| [&shared[..], &[files(&[("own", text)])]].concat();
    for compressed in [false, true] {
        let made = |tars: &[Vec<u8>]| if compressed { Made::of(tars).gzip(1) } else { Made::of(tars) };
        let (one, other) = (made(&own("a")).layout(), made(&own("b")).layout());
        let (comparison, read, all) = counted(&one, &other);
        assert_eq!(verdict(&comparison), "different");
        assert!(read * 10 <= all, "{read} of {all}");
        // All of a layer that differs, and no byte twice, but for how it is compressed.
        let (one, other) = (made(&[large("x")]).layout(), made(&[large("y")]).layout());
        let (_, read, all) = counted(&one, &other);
        assert!(read < all + 4096, "{read} of {all}");
    }
    // Compressed otherwise, nothing but the start of each blob is looked at.
    let (one, other) = (Made::of(&shared).gzip(9).layout(), Made::of(&shared).zstd().layout());
    let (comparison, read, all) = counted(&one, &other);
    assert!(read * 10 <= all, "{read} of {all}");
    let layers = &comparison.images[0].layers;
    assert!(layers.iter().all(|pair| pair.relation == Relation::SameTar));
    assert_eq!(word(&layers[0].a.as_ref().unwrap().packed), "gzip");
    assert_eq!(word(&layers[0].b.as_ref().unwrap().packed), "zstd");
}

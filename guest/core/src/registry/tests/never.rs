//! Media that a push never touches.

use super::double::File;
use crate::error::Result;
use crate::media::{self, Entry};

/// What a push never touches.
pub enum Never {}

impl media::Tree for Never {
    type File = File;

    async fn walk(&mut self, _: u32, _: u32) -> Result<Vec<(Entry, Vec<u8>)>> {
        match *self {}
    }

    async fn open(&self, _: &[u8]) -> Result<File> {
        match *self {}
    }
}

impl media::Directory for Never {
    type File = File;
    type Writer = Self;
    type Lock = ();

    async fn open(&self, _: &str) -> Result<Option<File>> {
        match *self {}
    }

    async fn create(&self) -> Result<Self> {
        match *self {}
    }

    async fn lock(&self) -> Result<()> {
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

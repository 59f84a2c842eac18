//! A container engine in memory: it says of images what it was told to, and what it was sent can be looked at.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::File;
use crate::error::Result;
use crate::media::{self, About};

/// An engine; clones are the same one.
#[derive(Clone, Debug)]
pub struct Engine {
    about: About,
    images: BTreeMap<String, String>,
    archives: Rc<RefCell<Vec<File>>>,
}

/// An archive on its way into an [`Engine`].
#[derive(Debug)]
pub struct Load {
    archives: Rc<RefCell<Vec<File>>>,
    bytes: Vec<u8>,
}

impl Engine {
    /// One that identifies images like this, by their names.
    pub fn new(about: About, images: BTreeMap<String, String>) -> Self {
        Self { about, images, archives: Rc::default() }
    }

    /// What it was sent, in order.
    pub fn archives(&self) -> Vec<File> {
        self.archives.borrow().clone()
    }
}

impl media::Engine for Engine {
    type Sink = Load;

    fn about(&self) -> About {
        self.about.clone()
    }

    async fn load(&self) -> Result<Load> {
        Ok(Load { archives: self.archives.clone(), bytes: Vec::new() })
    }

    async fn image(&self, name: &str) -> Result<Option<String>> {
        Ok(self.images.get(name).cloned())
    }
}

impl media::Sink for Load {
    async fn write(&mut self, mut bytes: Vec<u8>) -> Result<()> {
        self.bytes.append(&mut bytes);
        Ok(())
    }

    async fn finish(self) -> Result<()> {
        self.archives.borrow_mut().push(self.bytes.into());
        Ok(())
    }
}

//! The import `stores` as the core's media.

use ocix_core::descriptor::Descriptor;
use ocix_core::digest::{DiffId, Digest};
use ocix_core::error::Result;
use ocix_core::media::{self, Labels};

use crate::bindings::ocix::image::{stores, types};
use crate::media::inward;

/// `stores.store`.
pub struct Store(pub stores::Store);
/// `stores.ingest`.
pub struct Ingest(stores::Ingest);

impl media::Store for Store {
    type Ingest = Ingest;

    async fn labels(&self, blob: &Digest) -> Result<Option<Labels>> {
        let found = self.0.labels(blob.to_string()).await.map_err(inward)?;
        Ok(found.map(|labels| labels.into_iter().collect()))
    }

    async fn create(&self, expected: &Descriptor, labels: &Labels) -> Result<Option<Ingest>> {
        let labels = labels.clone().into_iter().collect();
        Ok(self.0.create(descriptor(expected), labels).await.map_err(inward)?.map(Ingest))
    }

    async fn tag(&self, name: &str, target: &Descriptor, epoch: Option<i64>) -> Result<()> {
        self.0.tag(name.to_owned(), descriptor(target), epoch).await.map_err(inward)
    }

    async fn unpack(
        &self,
        layer: &Descriptor,
        diff_id: &DiffId,
        chain: &Digest,
        parent: Option<&Digest>,
    ) -> Result<String> {
        let (diff_id, chain, parent) = (diff_id.to_string(), chain.to_string(), parent.map(Digest::to_string));
        self.0.unpack(descriptor(layer), diff_id, chain, parent).await.map_err(inward)
    }
}

impl media::Ingest for Ingest {
    fn offset(&self) -> u64 {
        self.0.offset()
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.0.write(bytes).await.map_err(inward)
    }

    async fn commit(self) -> Result<()> {
        self.0.commit().await.map_err(inward)
    }
}

fn descriptor(descriptor: &Descriptor) -> types::Descriptor {
    let platform = descriptor.platform.as_ref().map(|platform| types::Platform {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone(),
    });
    types::Descriptor {
        media_type: descriptor.media_type.clone(),
        digest: descriptor.digest.to_string(),
        size: descriptor.size,
        annotations: descriptor.annotations.clone().into_iter().collect(),
        platform,
    }
}

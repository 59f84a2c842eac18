//! containerd's images: names.

use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::{CreateImageRequest, Image, UpdateImageRequest};
use containerd_client::tonic::Code;
use containerd_client::types;
use prost_types::{FieldMask, Timestamp};

use super::refused::refused;
use super::session::Session;
use crate::bindings::images::ocix::image::types::Descriptor;
use crate::error::{Error, shown};

impl Session {
    /// Points a name at an image, made at this epoch. Whoever makes or removes the name at the same time, one of both is what it is in the end.
    ///
    /// # Errors
    /// containerd's.
    pub async fn tag(&self, name: &str, target: Descriptor, epoch: Option<i64>) -> Result<(), Error> {
        let failed = |why| refused(&format!("name the image `{}`", shown(name)), &why);
        let mut images = ImagesClient::new(self.channel());
        let image = Image { name: name.to_owned(), target: Some(wire(target)), ..Image::default() };
        let source_date_epoch = epoch.map(|seconds| Timestamp { seconds, nanos: 0 });
        loop {
            let update = UpdateImageRequest {
                image: Some(image.clone()),
                // Labels are somebody else's.
                update_mask: Some(FieldMask { paths: vec!["target".into()] }),
                source_date_epoch,
            };
            match images.update(self.leased(update).await?).await {
                Err(missing) if missing.code() == Code::NotFound => {}
                other => return other.map(drop).map_err(failed),
            }
            let create = CreateImageRequest { image: Some(image.clone()), source_date_epoch };
            match images.create(self.leased(create).await?).await {
                Err(there) if there.code() == Code::AlreadyExists => {}
                other => return other.map(drop).map_err(failed),
            }
        }
    }
}

/// As containerd has it.
pub fn wire(descriptor: Descriptor) -> types::Descriptor {
    let Descriptor { media_type, digest, size, annotations, platform: _ } = descriptor;
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    types::Descriptor { media_type, digest, size, annotations: annotations.into_iter().collect() }
}

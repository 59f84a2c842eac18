//! The import `engines` as the core's media.

use ocix_core::error::Result;
use ocix_core::media::{self, About};

use crate::bindings::ocix::image::engines;
use crate::media::{Sink, inward};

/// `engines.engine`.
pub struct Engine(pub engines::Engine);

impl media::Engine for Engine {
    type Sink = Sink;

    fn about(&self) -> About {
        let engines::About { name, platform, layouts } = self.0.about();
        About { name, platform: crate::platform(platform), layouts }
    }

    async fn load(&self) -> Result<Sink> {
        self.0.load().await.map(Sink).map_err(inward)
    }

    async fn image(&self, name: &str) -> Result<Option<String>> {
        self.0.image(name.to_owned()).await.map_err(inward)
    }
}

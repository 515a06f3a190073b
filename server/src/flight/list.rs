//! Relations as flights: `ListFlights`, and descriptors that are paths.

use std::sync::Arc;

use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::{FlightDescriptor, FlightInfo};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use mica_catalog::{CatalogStore, RelationName, load};
use mica_proto::Kind;
use mica_sql::SessionContext;

use super::FlightSql;
use super::info::{flight_info, with_type_names};
use crate::error::{Error, Result};

/// Relations whose columns are read at once.
const PAGE: usize = 500;

impl FlightSql {
    /// Every relation, by name: its columns, and a ticket for all its rows.
    pub(super) async fn flights(
        &self,
        context: Arc<SessionContext>,
    ) -> Result<BoxStream<'static, Result<FlightInfo>>> {
        let store: Arc<dyn CatalogStore> = Arc::clone(self.shared.warehouse.store()) as _;
        let snapshot = store.snapshot().await?;
        let heads: Vec<_> = snapshot.relations().cloned().collect();
        let pages: Vec<Vec<_>> = heads.chunks(PAGE).map(<[_]>::to_vec).collect();
        let service = self.clone();
        let pages = futures::stream::iter(pages).then(move |heads| {
            let (store, service) = (Arc::clone(&store), service.clone());
            let context = Arc::clone(&context);
            async move {
                let relations = load(&*store, &heads).await?;
                let infos = relations.iter().map(|relation| {
                    let schema = with_type_names(&relation.body.columns);
                    let text = all_of(&relation.name);
                    let statement = service.statement(Kind::Query, &text, &context)?;
                    let descriptor = FlightDescriptor::new_path(vec![
                        relation.name.schema.to_string(),
                        relation.name.relation.to_string(),
                    ]);
                    flight_info(&schema, service.ticket(&statement), descriptor, -1)
                });
                let infos: Vec<Result<FlightInfo>> = infos.collect();
                Ok::<_, Error>(futures::stream::iter(infos))
            }
        });
        Ok(pages.try_flatten().boxed())
    }
}

fn all_of(name: &RelationName) -> String {
    let quoted = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
    let (schema, relation) = (quoted(name.schema.as_str()), quoted(name.relation.as_str()));
    format!("SELECT * FROM {schema}.{relation}")
}

/// The query that a descriptor means which is a path, `[schema,] relation`; none for a command.
pub(super) fn of_path(descriptor: &FlightDescriptor) -> Option<String> {
    if descriptor.r#type() != DescriptorType::Path {
        return None;
    }
    let quoted = |part: &String| format!("\"{}\"", part.replace('"', "\"\""));
    let parts: Vec<String> = descriptor.path.iter().map(quoted).collect();
    Some(format!("SELECT * FROM {}", parts.join(".")))
}

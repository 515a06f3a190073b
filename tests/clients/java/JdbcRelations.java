import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Schemas, relations, columns and keys as DatabaseMetaData lists them. Argument: host:port. */
public final class JdbcRelations {
  private static final String SCHEMA = "jdbc_relations";

  private static final String[] DEFINITIONS = {
    "DROP SCHEMA IF EXISTS jdbc_relations CASCADE",
    "CREATE SCHEMA jdbc_relations",
    "USE jdbc_relations",
    "CREATE VIEW a (id COMMENT 'the key', name) AS SELECT 1 AS id, 'x' AS name",
    "CREATE VIEW b AS SELECT 1 AS a_id, CAST(2 AS DECIMAL(10,2)) AS amount",
    "CREATE VIEW c AS SELECT 1 AS x, 2 AS y",
    "CREATE VIEW d AS SELECT 1 AS x, 2 AS z",
    "CREATE VIEW under_score AS SELECT 1 AS c_1, 2 AS cx1",
    "CREATE VIEW underxscore AS SELECT 1 AS x",
    "CREATE VIEW \"per%cent\" AS SELECT 1 AS x",
    "CREATE VIEW \"back\\slash\" AS SELECT 1 AS x",
    "CREATE VIEW \"Mixed Case\" AS SELECT 1 AS \"A b\"",
    "ALTER VIEW a ADD PRIMARY KEY (id) NOT ENFORCED",
    "ALTER VIEW b ADD FOREIGN KEY (a_id) REFERENCES a NOT ENFORCED",
    "ALTER VIEW c ADD CONSTRAINT c_key PRIMARY KEY (y, x) NOT ENFORCED",
    "ALTER VIEW d ADD CONSTRAINT d_to_c FOREIGN KEY (z, x) REFERENCES c (y, x) NOT ENFORCED",
  };

  public static void main(String[] arguments) throws SQLException {
    String url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?useEncryption=false";
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement()) {
      for (String sql : DEFINITIONS) {
        statement.execute(sql);
      }
      DatabaseMetaData metadata = connection.getMetaData();
      relations(metadata);
      columns(metadata);
      keys(metadata);
      afterChanges(metadata, statement);
      statement.execute("DROP SCHEMA jdbc_relations CASCADE");
      expect("gone", rows(metadata.getSchemas(null, SCHEMA), "TABLE_SCHEM"), List.of());
    }
    System.out.println("ok");
  }

  private static void expect(String what, Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(what + ": got " + actual + ", expected " + expected);
    }
  }

  /** The named columns of all rows, as text. */
  private static List<String> rows(ResultSet rows, String... columns) throws SQLException {
    List<String> found = new ArrayList<>();
    try (rows) {
      while (rows.next()) {
        List<String> values = new ArrayList<>();
        for (String column : columns) {
          values.add(rows.getString(column));
        }
        found.add(String.join(" ", values));
      }
    }
    return found;
  }

  private static void relations(DatabaseMetaData metadata) throws SQLException {
    expect("catalogs", rows(metadata.getCatalogs(), "TABLE_CAT"), List.of("mica"));
    expect("types", rows(metadata.getTableTypes(), "TABLE_TYPE"), List.of("TABLE", "VIEW"));
    List<String> schemas = rows(metadata.getSchemas(), "TABLE_CATALOG", "TABLE_SCHEM");
    expect(
        "schemas " + schemas,
        schemas.containsAll(
            List.of("mica default", "mica information_schema", "mica jdbc_relations")),
        true);
    ResultSet one = metadata.getSchemas("mica", "jdbc\\_rel%");
    expect("by pattern", rows(one, "TABLE_SCHEM"), List.of(SCHEMA));
    expect("other catalog", rows(metadata.getSchemas("nope", null), "TABLE_SCHEM"), List.of());
    expect("without catalog", rows(metadata.getSchemas("", null), "TABLE_SCHEM"), List.of());

    Object[][] patterns = {
      {"under_score", List.of("under_score", "underxscore")},
      {"under\\_score", List.of("under_score")},
      {"UNDER\\_SCORE", List.of("under_score")},
      {"per\\%cent", List.of("per%cent")},
      {"back\\\\slash", List.of("back\\slash")},
      {"Mixed Case", List.of("Mixed Case")},
      {"_", List.of("a", "b", "c", "d")},
      {"", List.of()},
      {"nope", List.of()},
    };
    for (Object[] pattern : patterns) {
      ResultSet tables = metadata.getTables("mica", "jdbc\\_relations", (String) pattern[0], null);
      expect((String) pattern[0], rows(tables, "TABLE_NAME"), pattern[1]);
    }
    String[] views = {"VIEW"};
    ResultSet tables = metadata.getTables(null, SCHEMA, "a", views);
    List<String> found = rows(tables, "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE");
    expect("view", found, List.of("mica jdbc_relations a VIEW"));
    ResultSet others = metadata.getTables(null, SCHEMA, "%", new String[] {"TABLE"});
    expect("no table", rows(others, "TABLE_NAME"), List.of());
    expect("no catalog", rows(metadata.getTables("", null, "%", null), "TABLE_NAME"), List.of());
    expect("no schema", rows(metadata.getTables(null, "", "%", null), "TABLE_NAME"), List.of());
  }

  private static void columns(DatabaseMetaData metadata) throws SQLException {
    ResultSet a = metadata.getColumns("mica", SCHEMA, "a", null);
    String[] described = {
      "TABLE_CAT",
      "TABLE_SCHEM",
      "TABLE_NAME",
      "COLUMN_NAME",
      "DATA_TYPE",
      "TYPE_NAME",
      "COLUMN_SIZE",
      "DECIMAL_DIGITS",
      "NUM_PREC_RADIX",
      "NULLABLE",
      "REMARKS",
      "ORDINAL_POSITION",
      "IS_NULLABLE",
      "IS_AUTOINCREMENT"
    };
    // 65536 is the driver's word for text without a limit.
    expect(
        "columns of a",
        rows(a, described),
        List.of(
            "mica jdbc_relations a id -5 BIGINT 19 0 10 1 the key 1 YES NO",
            "mica jdbc_relations a name 12 VARCHAR 65536 null null 1 null 2 YES NO"));
    ResultSet amount = metadata.getColumns(null, SCHEMA, "b", "am%");
    String[] numbers = {"DATA_TYPE", "COLUMN_SIZE", "DECIMAL_DIGITS", "ORDINAL_POSITION"};
    expect("amount", rows(amount, numbers), List.of("3 10 2 2"));
    ResultSet all = metadata.getColumns(null, SCHEMA, "under\\_score", "c_1");
    expect("by pattern", rows(all, "COLUMN_NAME"), List.of("c_1", "cx1"));
    // The driver filters columns itself, and knows no escape there.
    ResultSet none = metadata.getColumns(null, SCHEMA, "under\\_score", "c\\_1");
    expect("escaped", rows(none, "COLUMN_NAME"), List.of());
    ResultSet mixed = metadata.getColumns(null, SCHEMA, "Mixed Case", "%");
    expect("as written", rows(mixed, "COLUMN_NAME"), List.of("A b"));
  }

  private static void keys(DatabaseMetaData metadata) throws SQLException {
    String[] primary = {"TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ", "PK_NAME"};
    List<String> ofA = rows(metadata.getPrimaryKeys("mica", SCHEMA, "a"), primary);
    expect("key", ofA, List.of("jdbc_relations a id 1 a_pkey"));
    // In the order of Flight SQL; JDBC wants it by COLUMN_NAME, but the driver does not sort.
    List<String> ofC = rows(metadata.getPrimaryKeys(null, SCHEMA, "c"), primary);
    expect("two", ofC, List.of("jdbc_relations c y 1 c_key", "jdbc_relations c x 2 c_key"));
    expect("no key", rows(metadata.getPrimaryKeys(null, SCHEMA, "b"), primary), List.of());
    expect("elsewhere", rows(metadata.getPrimaryKeys(null, "default", "a"), primary), List.of());

    String[] foreign = {
      "PKTABLE_CAT",
      "PKTABLE_SCHEM",
      "PKTABLE_NAME",
      "PKCOLUMN_NAME",
      "FKTABLE_CAT",
      "FKTABLE_SCHEM",
      "FKTABLE_NAME",
      "FKCOLUMN_NAME",
      "KEY_SEQ",
      "UPDATE_RULE",
      "DELETE_RULE",
      "FK_NAME",
      "PK_NAME"
    };
    // 3 is importedKeyNoAction.
    String schemas = "mica jdbc_relations %s mica jdbc_relations %s";
    List<String> fromB = List.of(String.format(schemas, "a id", "b a_id 1 3 3 b_a_id_fkey a_pkey"));
    List<String> fromD =
        List.of(
            String.format(schemas, "c y", "d z 1 3 3 d_to_c c_key"),
            String.format(schemas, "c x", "d x 2 3 3 d_to_c c_key"));
    expect("imported", rows(metadata.getImportedKeys(null, SCHEMA, "b"), foreign), fromB);
    expect("exported", rows(metadata.getExportedKeys(null, SCHEMA, "a"), foreign), fromB);
    expect("two columns", rows(metadata.getImportedKeys("mica", SCHEMA, "d"), foreign), fromD);
    ResultSet between = metadata.getCrossReference(null, SCHEMA, "c", null, SCHEMA, "d");
    expect("cross", rows(between, foreign), fromD);
    ResultSet unrelated = metadata.getCrossReference(null, SCHEMA, "a", null, SCHEMA, "d");
    expect("unrelated", rows(unrelated, foreign), List.of());
    expect("none", rows(metadata.getExportedKeys(null, SCHEMA, "b"), foreign), List.of());
  }

  private static void afterChanges(DatabaseMetaData metadata, Statement statement)
      throws SQLException {
    statement.execute("COMMENT ON COLUMN a.id IS NULL");
    statement.execute("COMMENT ON COLUMN a.name IS 'said \"so\"'");
    ResultSet remarks = metadata.getColumns(null, SCHEMA, "a", "%");
    expect("remarks", rows(remarks, "REMARKS"), List.of("null", "said \"so\""));
    statement.execute("ALTER VIEW b RENAME TO b2");
    ResultSet imported = metadata.getImportedKeys(null, SCHEMA, "b2");
    expect("renamed", rows(imported, "FKTABLE_NAME", "FK_NAME"), List.of("b2 b_a_id_fkey"));
    statement.execute("ALTER VIEW b2 DROP CONSTRAINT b_a_id_fkey");
    expect("dropped", rows(metadata.getExportedKeys(null, SCHEMA, "a"), "FK_NAME"), List.of());
    statement.execute("ALTER VIEW a DROP PRIMARY KEY");
    expect("no key", rows(metadata.getPrimaryKeys(null, SCHEMA, "a"), "PK_NAME"), List.of());
  }
}

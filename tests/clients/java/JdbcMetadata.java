import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Statement;
import java.sql.Types;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Every method of DatabaseMetaData answers, and says what is so. Argument: host:port. */
public final class JdbcMetadata {
  /** The driver throws "todo: implement this method" from these; no server can change that. */
  private static final Set<String> NOT_IN_THE_DRIVER =
      Set.of(
          "deletesAreDetected",
          "insertsAreDetected",
          "updatesAreDetected",
          "othersDeletesAreVisible",
          "othersInsertsAreVisible",
          "othersUpdatesAreVisible",
          "ownDeletesAreVisible",
          "ownInsertsAreVisible",
          "ownUpdatesAreVisible",
          "supportsResultSetHoldability");

  private static final String SCHEMA = "jdbc_metadata";

  private static final String[] DEFINITIONS = {
    "DROP SCHEMA IF EXISTS jdbc_metadata CASCADE",
    "CREATE SCHEMA jdbc_metadata",
    "USE jdbc_metadata",
    "CREATE VIEW a (id COMMENT 'the key', name) AS SELECT 1 AS id, 'x' AS name",
    "CREATE VIEW b AS SELECT 1 AS a_id, CAST(2 AS DECIMAL(10,2)) AS amount",
    "ALTER VIEW a ADD PRIMARY KEY (id) NOT ENFORCED",
    "ALTER VIEW b ADD FOREIGN KEY (a_id) REFERENCES a NOT ENFORCED",
  };

  public static void main(String[] arguments) throws Exception {
    String url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?useEncryption=false";
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement()) {
      for (String sql : DEFINITIONS) {
        statement.execute(sql);
      }
      DatabaseMetaData metadata = connection.getMetaData();
      everyMethod(metadata);
      names(metadata);
      capabilities(metadata);
      claims(metadata, statement);
      keywords(metadata);
      conversions(metadata, statement);
      statement.execute("DROP SCHEMA jdbc_metadata CASCADE");
    }
    System.out.println("ok");
  }

  private static void expect(String what, Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(what + ": got " + actual + ", expected " + expected);
    }
  }

  private static void everyMethod(DatabaseMetaData metadata) throws Exception {
    int called = 0;
    for (Method method : DatabaseMetaData.class.getMethods()) {
      try {
        Object answer = method.invoke(metadata, arguments(method));
        if (answer instanceof ResultSet rows) {
          readAll(rows);
        }
        called++;
      } catch (InvocationTargetException failure) {
        boolean known = NOT_IN_THE_DRIVER.contains(method.getName());
        if (!known && !(failure.getCause() instanceof SQLFeatureNotSupportedException)) {
          throw new AssertionError(method.toString(), failure.getCause());
        }
      }
    }
    expect("enough methods", called > 150, true);
  }

  private static Object[] arguments(Method method) {
    switch (method.getName()) {
      case "getCrossReference":
        return new Object[] {null, SCHEMA, "a", null, SCHEMA, "b"};
      case "getPrimaryKeys":
      case "getImportedKeys":
      case "getExportedKeys":
        return new Object[] {null, SCHEMA, "b"};
      case "supportsResultSetType":
        return new Object[] {ResultSet.TYPE_FORWARD_ONLY};
      case "supportsResultSetConcurrency":
        return new Object[] {ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY};
      case "supportsTransactionIsolationLevel":
        return new Object[] {Connection.TRANSACTION_NONE};
      default:
        break;
    }
    Object[] values = new Object[method.getParameterCount()];
    for (int i = 0; i < values.length; i++) {
      Class<?> type = method.getParameterTypes()[i];
      if (type == int.class) {
        values[i] = DatabaseMetaData.bestRowSession;
      } else if (type == boolean.class) {
        values[i] = true;
      } else if (type == Class.class) {
        values[i] = DatabaseMetaData.class;
      }
    }
    return values;
  }

  private static void readAll(ResultSet rows) throws SQLException {
    try (rows) {
      while (rows.next()) {
        for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
          rows.getObject(i);
        }
      }
    }
  }

  private static void names(DatabaseMetaData metadata) throws SQLException {
    expect("product", metadata.getDatabaseProductName(), "Mica");
    String version = metadata.getDatabaseProductVersion();
    expect("version " + version, version.matches("\\d+\\.\\d+\\.\\d+.*"), true);
    // The driver gives its own version for the server's.
    expect("major", metadata.getDatabaseMajorVersion(), metadata.getDriverMajorVersion());
    expect("user", metadata.getUserName(), null);
    expect("quote", metadata.getIdentifierQuoteString(), "\"");
    expect("escape", metadata.getSearchStringEscape(), "\\");
    expect("extra characters", metadata.getExtraNameCharacters(), "");
    expect("separator", metadata.getCatalogSeparator(), ".");
    expect("catalog term", metadata.getCatalogTerm(), "catalog");
    expect("schema term", metadata.getSchemaTerm(), "schema");
    expect("procedure term", metadata.getProcedureTerm(), "procedure");
    contains(metadata.getNumericFunctions(), "ABS", "CEILING", "MOD", "PI", "ROUND", "TRUNCATE");
    contains(metadata.getStringFunctions(), "CONCAT", "INSERT", "LCASE", "LOCATE", "SUBSTRING");
    contains(metadata.getSystemFunctions(), "CONVERT", "DATABASE", "IFNULL", "USER");
    contains(metadata.getTimeDateFunctions(), "CURDATE", "EXTRACT", "TIMESTAMPADD", "YEAR");
  }

  private static void contains(String list, String... names) {
    expect(list, Set.of(list.split(", ")).containsAll(List.of(names)), true);
  }

  private static void capabilities(DatabaseMetaData metadata) throws SQLException {
    expect("transactions", metadata.supportsTransactions(), false);
    int isolation = metadata.getDefaultTransactionIsolation();
    expect("isolation", isolation, Connection.TRANSACTION_NONE);
    for (int level : new int[] {Connection.TRANSACTION_NONE, Connection.TRANSACTION_SERIALIZABLE}) {
      boolean none = level == Connection.TRANSACTION_NONE;
      expect("level " + level, metadata.supportsTransactionIsolationLevel(level), none);
    }
    expect("savepoints", metadata.supportsSavepoints(), false);
    expect("batches", metadata.supportsBatchUpdates(), false);
    expect("procedures", metadata.supportsStoredProcedures(), false);
    expect("named parameters", metadata.supportsNamedParameters(), false);
    expect("read only", metadata.isReadOnly(), false);
    expect("for update", metadata.supportsSelectForUpdate(), false);
    expect("forward", metadata.supportsResultSetType(ResultSet.TYPE_FORWARD_ONLY), true);
    expect("scroll", metadata.supportsResultSetType(ResultSet.TYPE_SCROLL_INSENSITIVE), false);
    int type = ResultSet.TYPE_FORWARD_ONLY;
    int update = ResultSet.CONCUR_UPDATABLE;
    expect("read", metadata.supportsResultSetConcurrency(type, ResultSet.CONCUR_READ_ONLY), true);
    expect("update", metadata.supportsResultSetConcurrency(type, update), false);
    expect("no limit", metadata.getMaxColumnsInTable() + metadata.getMaxStatementLength(), 0);
    expect("entry level", metadata.supportsANSI92EntryLevelSQL(), true);
    expect("integrity", metadata.supportsIntegrityEnhancementFacility(), false);
    // Constants of the driver, which asks nobody: Mica keeps names as they are written and compares
    // them without case, and sorts NULLs high.
    expect("upper case", metadata.storesUpperCaseIdentifiers(), true);
    expect("mixed case", metadata.storesMixedCaseIdentifiers(), false);
    expect("nulls high", metadata.nullsAreSortedHigh(), false);
    expect("nulls at end", metadata.nullsAreSortedAtEnd(), true);
  }

  /** What is claimed, each with a statement that must then run. */
  private static void claims(DatabaseMetaData metadata, Statement statement) throws Exception {
    String[][] claims = {
      {"nullPlusNonNullIsNull", "SELECT 1 / (CASE WHEN 'a' || NULL IS NULL THEN 1 ELSE 0 END)"},
      {"supportsCatalogsInDataManipulation", "SELECT id FROM mica.jdbc_metadata.a"},
      {"supportsSchemasInDataManipulation", "SELECT id FROM jdbc_metadata.a"},
      {"supportsColumnAliasing", "SELECT id AS key FROM a"},
      {"supportsCoreSQLGrammar", "SELECT id FROM a WHERE name = 'x' GROUP BY id HAVING id > 0"},
      {"supportsCorrelatedSubqueries", "SELECT (SELECT max(a_id) FROM b WHERE a_id = id) FROM a"},
      {"supportsExpressionsInOrderBy", "SELECT id FROM a ORDER BY id + 1"},
      {"supportsExtendedSQLGrammar", "SELECT id FROM a UNION SELECT a_id FROM b"},
      {"supportsFullOuterJoins", "SELECT 1 FROM a FULL OUTER JOIN b ON id = a_id"},
      {"supportsLimitedOuterJoins", "SELECT 1 FROM {oj a LEFT OUTER JOIN b ON id = a_id}"},
      {"supportsGroupBy", "SELECT name FROM a GROUP BY name"},
      {"supportsGroupByBeyondSelect", "SELECT name FROM a GROUP BY name, id"},
      {"supportsLikeEscapeClause", "SELECT 1 FROM a WHERE name LIKE '!_' {escape '!'}"},
      {"supportsOrderByUnrelated", "SELECT name FROM a ORDER BY id"},
      {"supportsSubqueriesInComparisons", "SELECT 1 FROM a WHERE id >= (SELECT 1)"},
      {"supportsSubqueriesInExists", "SELECT 1 FROM a WHERE EXISTS (SELECT 1 FROM b)"},
      {"supportsSubqueriesInIns", "SELECT 1 FROM a WHERE id NOT IN (SELECT a_id FROM b)"},
      {"supportsSubqueriesInQuantifieds", "SELECT 1 FROM a WHERE id >= ALL (SELECT a_id FROM b)"},
      {"supportsTableCorrelationNames", "SELECT x.id FROM a AS x"},
      {"supportsUnion", "SELECT 1 UNION SELECT 2"},
      {"supportsUnionAll", "SELECT 1 UNION ALL SELECT 2"},
    };
    for (String[] claim : claims) {
      expect(claim[0], DatabaseMetaData.class.getMethod(claim[0]).invoke(metadata), true);
      readAll(statement.executeQuery(claim[1]));
    }
  }

  private static void conversions(DatabaseMetaData metadata, Statement statement)
      throws SQLException {
    Map<Integer, String> types =
        Map.of(
            Types.BIGINT, "BIGINT",
            Types.DATE, "DATE",
            Types.DECIMAL, "DECIMAL",
            Types.INTEGER, "INTEGER",
            Types.REAL, "REAL",
            Types.SMALLINT, "SMALLINT",
            Types.TIMESTAMP, "TIMESTAMP",
            Types.TINYINT, "TINYINT",
            Types.VARCHAR, "VARCHAR");
    for (var from : types.entrySet()) {
      for (var to : types.entrySet()) {
        if (metadata.supportsConvert(from.getKey(), to.getKey())) {
          String value = "CAST(NULL AS " + from.getValue() + ")";
          String convert = "{fn CONVERT(" + value + ", SQL_" + to.getValue() + ")}";
          readAll(statement.executeQuery("SELECT " + convert));
        }
      }
    }
    expect("any", metadata.supportsConvert(), true);
    expect("to number", metadata.supportsConvert(Types.VARCHAR, Types.INTEGER), true);
    expect("to text", metadata.supportsConvert(Types.TIMESTAMP, Types.VARCHAR), true);
    expect("date to number", metadata.supportsConvert(Types.DATE, Types.INTEGER), false);
  }

  /** JDBC wants the keywords that are not SQL:2003's. */
  private static void keywords(DatabaseMetaData metadata) throws SQLException {
    contains(metadata.getSQLKeywords(), "LIMIT", "QUALIFY", "SHOW");
    Set<String> keywords = Set.of(metadata.getSQLKeywords().split(", "));
    for (String standard : List.of("SELECT", "TABLE", "DESCRIBE", "PRIMARY", "WINDOW")) {
      expect(standard + " is SQL:2003's", keywords.contains(standard), false);
    }
  }
}

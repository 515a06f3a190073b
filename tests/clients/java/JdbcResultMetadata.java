import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/** What ResultSetMetaData says of columns of every type. Argument: host:port. */
public final class JdbcResultMetadata {
  /** An expression, its java.sql.Types, the driver's name of it, precision and scale. */
  private record Column(String sql, int code, String name, int precision, int scale) {}

  // Precision is 0 where it does not apply; for dates and times it is the length of their text.
  private static final List<Column> COLUMNS =
      List.of(
          new Column("CAST(NULL AS BOOLEAN)", Types.BOOLEAN, "BOOLEAN", 0, 0),
          new Column("CAST(NULL AS TINYINT)", Types.TINYINT, "TINYINT", 3, 0),
          new Column("CAST(NULL AS SMALLINT)", Types.SMALLINT, "SMALLINT", 5, 0),
          new Column("CAST(NULL AS INTEGER)", Types.INTEGER, "INTEGER", 10, 0),
          new Column("CAST(NULL AS BIGINT)", Types.BIGINT, "BIGINT", 19, 0),
          // Driver: FLOAT, which is 64 bits in JDBC, for 32 bits.
          new Column("CAST(NULL AS REAL)", Types.FLOAT, "FLOAT", 7, 0),
          new Column("CAST(NULL AS DOUBLE)", Types.DOUBLE, "DOUBLE", 15, 0),
          new Column("CAST(NULL AS DECIMAL(10,2))", Types.DECIMAL, "DECIMAL", 10, 2),
          new Column("CAST(NULL AS DECIMAL(38,10))", Types.DECIMAL, "DECIMAL", 38, 10),
          new Column("CAST(NULL AS VARCHAR)", Types.VARCHAR, "VARCHAR", 0, 0),
          new Column("CAST(NULL AS VARBINARY)", Types.VARBINARY, "VARBINARY", 0, 0),
          new Column("CAST(NULL AS DATE)", Types.DATE, "DATE", 10, 0),
          new Column("CAST(NULL AS TIME)", Types.TIME, "TIME", 15, 6),
          new Column("CAST(NULL AS TIMESTAMP)", Types.TIMESTAMP, "TIMESTAMP", 26, 6),
          new Column(
              "CAST(NULL AS TIMESTAMP WITH TIME ZONE)",
              Types.TIMESTAMP_WITH_TIMEZONE,
              "TIMESTAMP_WITH_TIMEZONE",
              26,
              6),
          // Driver: intervals, structs and maps are objects.
          new Column("INTERVAL '1 day'", Types.JAVA_OBJECT, "JAVA_OBJECT", 0, 0),
          new Column("[1, 2]", Types.ARRAY, "ARRAY", 0, 0),
          new Column("struct(1 AS x)", Types.JAVA_OBJECT, "JAVA_OBJECT", 0, 0),
          new Column("MAP {'k': 1}", Types.JAVA_OBJECT, "JAVA_OBJECT", 0, 0));

  public static void main(String[] arguments) throws SQLException {
    String url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?useEncryption=false";
    String values = COLUMNS.stream().map(Column::sql).collect(Collectors.joining(", "));
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement();
        PreparedStatement prepared = connection.prepareStatement("SELECT " + values)) {
      names(connection, statement);
      types(prepared.getMetaData());
      try (ResultSet rows = statement.executeQuery("SELECT " + values)) {
        types(rows.getMetaData());
        sizes(rows.getMetaData());
        uses(rows.getMetaData());
      }
    }
    System.out.println("ok");
  }

  private static void expect(String what, Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(what + ": got " + actual + ", expected " + expected);
    }
  }

  private static void names(Connection connection, Statement statement) throws SQLException {
    String sql = "SELECT 1 AS a, 2 AS \"B b\", 3 AS a, 4 AS \"gr\u00fcn\"";
    try (ResultSet rows = statement.executeQuery(sql)) {
      ResultSetMetaData metadata = rows.getMetaData();
      expect("columns", metadata.getColumnCount(), 4);
      String[] names = {"a", "B b", "a", "gr\u00fcn"};
      for (int i = 0; i < names.length; i++) {
        expect("name", metadata.getColumnName(i + 1), names[i]);
        expect("label", metadata.getColumnLabel(i + 1), names[i]);
      }
      expect("a row", rows.next(), true);
      // Of two columns with one label, JDBC wants the first; labels are found without their case.
      expect("by label", rows.getInt("A"), 1);
      expect("by label", rows.getInt("b B"), 2);
    }
    String empty = "SELECT 1 AS a, 2 AS b WHERE false";
    try (PreparedStatement prepared = connection.prepareStatement(empty);
        ResultSet rows = prepared.executeQuery()) {
      expect("columns of no rows", rows.getMetaData().getColumnCount(), 2);
      expect("no rows", rows.next(), false);
    }
    // Driver: a Statement lists the columns of a result without rows twice.
    try (ResultSet rows = statement.executeQuery(empty)) {
      expect("no rows", rows.next(), false);
      expect("columns, twice", rows.getMetaData().getColumnCount(), 4);
    }
  }

  private static void types(ResultSetMetaData metadata) throws SQLException {
    expect("columns", metadata.getColumnCount(), COLUMNS.size());
    for (int i = 1; i <= COLUMNS.size(); i++) {
      Column column = COLUMNS.get(i - 1);
      expect(column + " type", metadata.getColumnType(i), column.code());
      expect(column + " name", metadata.getColumnTypeName(i), column.name());
      expect(column + " scale", metadata.getScale(i), column.scale());
      expect(column + " counts up", metadata.isAutoIncrement(i), false);
      expect(column + " writable", metadata.isWritable(i), false);
      expect(column + " currency", metadata.isCurrency(i), false);
      // Driver: it never says that a column may be NULL, nor that a number has a sign.
      expect(column + " nullable", metadata.isNullable(i), ResultSetMetaData.columnNoNulls);
      expect(column + " signed", metadata.isSigned(i), false);
    }
  }

  private static void sizes(ResultSetMetaData metadata) throws SQLException {
    for (int i = 1; i <= COLUMNS.size(); i++) {
      Column column = COLUMNS.get(i - 1);
      expect(column + " precision", metadata.getPrecision(i), column.precision());
    }
  }

  private static void uses(ResultSetMetaData metadata) throws SQLException {
    for (int i = 1; i <= COLUMNS.size(); i++) {
      Column column = COLUMNS.get(i - 1);
      boolean text = column.code() == Types.VARCHAR;
      expect(column + " searchable", metadata.isSearchable(i), true);
      expect(column + " read only", metadata.isReadOnly(i), true);
      expect(column + " case sensitive", metadata.isCaseSensitive(i), text);
    }
  }
}

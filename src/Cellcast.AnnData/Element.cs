using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Cellcast.AnnData;

/// <summary>
/// Anything that can stand under a key of an annotated data set: <see cref="SparseMatrix"/>, <see cref="SparseMatrix64"/>, <see cref="DenseMatrix"/> (every
/// 2-D array), <see cref="NdArray"/> (1-D and 3-D and more), <see cref="DataFrame"/>, <see cref="Column"/>, <see cref="Scalar"/>,
/// <see cref="RecordArray"/>, <see cref="ElementMap"/>, <see cref="AnnotatedData"/>.
/// </summary>
public abstract class Element
{
    /// <summary>What it is in a few words, for people: <c>700 x 50 float32 array</c>.</summary>
    public abstract string Describe();

    /// <inheritdoc/>
    public override string ToString() => Describe();
}

/// <summary>Named elements in a stable order: <c>uns</c>, <c>obsm</c>, <c>varm</c>, <c>obsp</c>, <c>varp</c>, and every folder inside <c>uns</c>.</summary>
public sealed class ElementMap : Element, IEnumerable<KeyValuePair<string, Element>>
{
    private readonly OrderedDictionary<string, Element> _entries = new(StringComparer.Ordinal);

    /// <summary>How many there are.</summary>
    public int Count => _entries.Count;

    /// <summary>Their names.</summary>
    public IReadOnlyList<string> Keys => _entries.Keys;

    /// <summary>The element of that name; setting replaces it in place or adds it at the end.</summary>
    /// <exception cref="KeyNotFoundException">There is none (when getting).</exception>
    public Element this[string key]
    {
        get => _entries[key];
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            _entries[key] = value;
        }
    }

    /// <summary>Adds an element (collection initialisers use this).</summary>
    public void Add(string key, Element value)
    {
        ArgumentNullException.ThrowIfNull(value);
        _entries.Add(key, value);
    }

    /// <summary>Whether there is an element of that name.</summary>
    public bool ContainsKey(string key) => _entries.ContainsKey(key);

    /// <summary>Takes an element out; false where there is none.</summary>
    public bool Remove(string key) => _entries.Remove(key);

    /// <summary>The element of that name if it is there and of that kind.</summary>
    public bool TryGet<T>(string key, [NotNullWhen(true)] out T? value) where T : Element
    {
        value = _entries.TryGetValue(key, out var e) ? e as T : null;
        return value is not null;
    }

    /// <summary>The element under a path of keys (<c>TryGet&lt;Scalar&gt;(["neighbors", "params", "method"], …)</c>).</summary>
    public bool TryGet<T>(ReadOnlySpan<string> path, [NotNullWhen(true)] out T? value) where T : Element
    {
        var map = this;
        for (int i = 0; i < path.Length - 1; i++)
        {
            if (!map.TryGet<ElementMap>(path[i], out var next))
            {
                value = null;
                return false;
            }
            map = next;
        }
        return map.TryGet(path[^1], out value);
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, Element>> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public override string Describe() => $"{Count} {(Count == 1 ? "entry" : "entries")}";
}

/// <summary>A single number, truth value or string.</summary>
public sealed class Scalar : Element
{
    /// <param name="value">A <see cref="string"/>, <see cref="bool"/> or any integer or floating point type.</param>
    public Scalar(object value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value is not (string or bool) && !ElementTypes.IsNumeric(value.GetType())) throw new ArgumentException($"a {value.GetType().Name} is not a scalar", nameof(value));
        Value = value;
    }

    /// <summary>The value in its stored type.</summary>
    public object Value { get; }

    /// <summary>The value as a double (truth values: 0 and 1).</summary>
    /// <exception cref="InvalidCastException">It is a string.</exception>
    public double ToDouble() => Value switch { string => throw new InvalidCastException("a string is not a number"), bool b => b ? 1 : 0, Half h => (double)h, _ => Convert.ToDouble(Value) };

    /// <inheritdoc/>
    public override string Describe() => Value switch { string s => $"\"{s}\"", IFormattable f => f.ToString(null, null), _ => Value.ToString()! };
}

/// <summary>Rows with named fields (NumPy's structured array), as in <c>uns['rank_genes_groups']['names']</c>: one 1-D array per field, all of one length.</summary>
public sealed class RecordArray : Element
{
    /// <param name="fields">Field names and their arrays, in order.</param>
    public RecordArray(IEnumerable<KeyValuePair<string, NdArray>> fields)
    {
        Fields = new OrderedDictionary<string, NdArray>(fields, StringComparer.Ordinal);
        if (Fields.Count == 0) throw new ArgumentException("a record array has at least one field", nameof(fields));
        Length = Fields.GetAt(0).Value.Data.Length;
        if (Fields.Values.Any(f => f.Shape.Length != 1 || f.Data.Length != Length)) throw new ArgumentException("all fields of a record array are 1-D and of one length", nameof(fields));
    }

    /// <summary>Field names and their arrays.</summary>
    public OrderedDictionary<string, NdArray> Fields { get; }

    /// <summary>Number of rows.</summary>
    public int Length { get; }

    /// <inheritdoc/>
    public override string Describe() => $"{Length} records of {string.Join(", ", Fields.Keys.Take(8))}";
}

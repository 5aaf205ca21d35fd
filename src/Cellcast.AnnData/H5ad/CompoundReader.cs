using System.Runtime.InteropServices;
using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>A column of a compound dataset; an array field has a width.</summary>
internal sealed record CompoundField(string Name, Array Values, int? Width);

/// <summary>Takes compound datasets (NumPy's structured arrays; tables of anndata up to 0.6) apart into columns.</summary>
internal static class CompoundReader
{
    /// <param name="d">The dataset.</param>
    /// <param name="unreadable">Receives the names of fields whose type has no counterpart, which are left out; null refuses them.</param>
    internal static List<CompoundField> Read(H5Dataset d, List<string>? unreadable = null)
    {
        if (d.Shape.Length > 1) throw new Hdf5Exception($"it is compound with {d.Shape.Length} dimensions, expected 1");
        var (layout, rows, strings) = d.ReadCompound();
        var result = new List<CompoundField>();
        for (int f = 0; f < layout.Fields.Count; f++)
        {
            var field = layout.Fields[f];
            var (element, width) = field.Type.Kind == H5Kind.Array ? (field.Type.Base!, field.Type.Dimensions.Aggregate(1, (a, b) => checked(a * b))) : (field.Type, 1);
            Array values;
            try { values = strings[f] ?? Take(rows, layout.Size, field, element, (int)d.Count, width); }
            catch (Hdf5Exception) when (unreadable is not null)
            {
                unreadable.Add(field.Name);
                continue;
            }
            result.Add(new CompoundField(field.Name, values, field.Type.Kind == H5Kind.Array ? width : null));
        }
        return result;
    }

    private static Array Take(byte[] rows, int rowSize, H5Field field, H5TypeInfo element, int n, int width)
    {
        if (element.Kind == H5Kind.String && element.VariableLength || element.ClrType is not { } clr) throw new Hdf5Exception($"its field '{field.Name}' has a type ({element.Describe()}) that cannot be read");
        if (clr == typeof(string) || clr == typeof(bool))
        {
            var result = Array.CreateInstance(clr, n * width);
            for (int i = 0; i < n; i++)
                for (int j = 0; j < width; j++)
                {
                    var cell = rows.AsSpan(i * rowSize + field.Offset + j * element.Size, element.Size);
                    result.SetValue(clr == typeof(string) ? H5Strings.Fixed(cell, element.Padding) : cell[0] == 1, i * width + j);
                }
            return result;
        }
        // Extended precision and the like have no counterpart whose bytes they are.
        if (!element.BytesAreValues && element.Kind != H5Kind.Enumeration || System.Runtime.InteropServices.Marshal.SizeOf(clr) != element.Size)
            throw new Hdf5Exception($"its field '{field.Name}' holds numbers of {element.Size} bytes, which cannot be read");
        var numbers = Array.CreateInstance(clr, checked(n * width));
        var bytes = MemoryMarshal.CreateSpan(ref MemoryMarshal.GetArrayDataReference(numbers), n * width * element.Size);
        for (int i = 0; i < n; i++) rows.AsSpan(i * rowSize + field.Offset, width * element.Size).CopyTo(bytes[(i * width * element.Size)..]);
        return numbers;
    }
}

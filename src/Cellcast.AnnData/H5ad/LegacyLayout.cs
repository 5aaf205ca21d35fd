using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>What anndata up to 0.6 (and in part 0.7) stored elsewhere than today.</summary>
internal static class LegacyLayout
{
    private const string CategoriesSuffix = "_categories";

    /// <summary><c>obsm</c> and <c>varm</c> as one compound dataset whose fields are arrays.</summary>
    internal static ElementMap Matrices(H5Dataset dataset)
    {
        var map = new ElementMap();
        foreach (var f in CompoundReader.Read(dataset))
        {
            int width = f.Width ?? 1;
            map[f.Name] = new DenseMatrix(f.Values.Length / width, width, f.Values);
        }
        return map;
    }

    /// <summary>Labels of categorical columns stood in <c>uns/COLUMN_categories</c>, whether the column is in obs or var: the first where all codes fit.</summary>
    internal static void RestoreCategories(ReadContext context, ElementMap uns, DataFrame obs, DataFrame var)
    {
        foreach (string key in uns.Keys.Where(k => k.EndsWith(CategoriesSuffix, StringComparison.Ordinal)).ToArray())
        {
            string name = key[..^CategoriesSuffix.Length];
            string[]? labels = uns[key] switch { NdArray { Data: string[] s } => s, Scalar { Value: string s } => [s], NdArray { Shape.Length: 1, Data: not bool[] } n => ColumnReader.NumberLabels(n.Data), _ => null };
            if (labels is null) continue;
            foreach (var (slot, table) in ((string, DataFrame)[])[("obs", obs), ("var", var)])
            {
                if (!table.TryGet(name, out var column) || column is not NumericColumn n || !ElementTypes.IsInteger(n.ElementType)) continue;
                int[] codes = Array.ConvertAll(n.ToDouble(), d => (int)d);
                if (codes.Any(c => c >= labels.Length || c < -1)) continue;
                table[name] = ColumnReader.Categorical(context, codes, labels, (uns[key] as NdArray)?.Data is { } a and not string[]? a : null, ordered: false, $"{slot}/{name}");
                uns.Remove(key);
                break;
            }
        }
    }

    /// <summary>Scalars stood as lists of one.</summary>
    internal static void ListsOfOneToScalars(ElementMap map)
    {
        foreach (string key in map.Keys.ToArray())
        {
            if (map[key] is ElementMap inner) ListsOfOneToScalars(inner);
            else if (map[key] is NdArray { Shape.Length: 1, Data.Length: 1 } a) map[key] = new Scalar(a.Data.GetValue(0)!);
        }
    }

    /// <summary>Neighbour graphs stood in <c>uns/neighbors</c>; they are moved to <c>obsp</c>.</summary>
    internal static void MoveNeighbours(AnnotatedData data)
    {
        if (!data.Uns.TryGet<ElementMap>("neighbors", out var neighbours)) return;
        foreach (string name in (string[])["connectivities", "distances"])
        {
            if (!neighbours.TryGet<Matrix>(name, out var graph) || graph.Rows != data.ObservationCount || graph.Columns != data.ObservationCount || data.Obsp.ContainsKey(name)) continue;
            data.Obsp[name] = graph;
            neighbours.Remove(name);
            neighbours[name + "_key"] = new Scalar(name);
        }
    }
}

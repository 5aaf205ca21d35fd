using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Neighbors;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Near cells: each among the nearest of the other along the principal components of the training cells.</summary>
internal sealed class CellNeighbors
{
    private readonly int[] _place; // of a cell among those with neighbours, or -1
    private readonly int[] _pointers, _neighbors;

    private CellNeighbors(int[] place, int[] pointers, int[] neighbors) => (_place, _pointers, _neighbors) = (place, pointers, neighbors);

    /// <summary>Finds them.</summary>
    internal static CellNeighbors Of(CellSet cells, int[] training, int count, long seed)
    {
        SparseMatrix values = ComponentStart.MatrixOf(cells, training);
        int components = Math.Min(ComponentStart.Components, Math.Min(values.Rows - 1, values.Columns)), k = Math.Min(count, training.Length - 1);
        NeighborTable table = NearestNeighbors.Find(PrincipalComponents.Fit(values, components, seed).Transform(values), components, k, new NeighborOptions { Neighbors = k, Seed = seed });
        var place = new int[cells.Count];
        Array.Fill(place, -1);
        var pointers = new int[training.Length + 1];
        var neighbors = new List<int>();
        for (int i = 0; i < training.Length; i++)
        {
            place[training[i]] = i;
            foreach (int j in table.IndicesOf(i))
                if (j != i && table.IndicesOf(j).Contains(i)) neighbors.Add(training[j]);
            pointers[i + 1] = neighbors.Count;
        }
        return new CellNeighbors(place, pointers, [.. neighbors]);
    }

    /// <summary>A near cell, or the cell itself.</summary>
    /// <param name="cell">Which.</param>
    /// <param name="share">Chance of a near cell, where there is one.</param>
    /// <param name="key">Names the random choice.</param>
    internal int Partner(int cell, double share, RandomKey key)
    {
        int at = _place[cell];
        if (at < 0 || _pointers[at] == _pointers[at + 1] || key.Bits(0) >= share * 4294967296.0) return cell;
        int n = _pointers[at + 1] - _pointers[at];
        return _neighbors[_pointers[at] + (int)(((ulong)key.Bits(1) * (uint)n) >> 32)];
    }
}

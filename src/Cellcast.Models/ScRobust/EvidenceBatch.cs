using Cellcast.Tensors;

namespace Cellcast.Models.ScRobust;

/// <summary>What <see cref="GeneEvidence"/> takes of some cells. Its memory is used again from batch to batch.</summary>
internal sealed class EvidenceBatch
{
    private long[] _pointers = [0];
    private int[] _columns = [];
    private float[] _weights = [];
    private float[] _evidence = [];
    private double[] _depths = [];

    /// <summary>How many cells.</summary>
    internal int Cells { get; private set; }

    /// <summary>Evidence of the cells, one row each.</summary>
    /// <param name="columns">Length of a row.</param>
    internal ReadOnlySpan<float> Evidence(int columns) => _evidence.AsSpan(0, Cells * columns);

    /// <summary>Length of each cell's weights over that of a usual cell, at most 1.</summary>
    internal ReadOnlySpan<double> Depths => _depths.AsSpan(0, Cells);

    /// <summary>Weights of the genes of the cells.</summary>
    /// <param name="genes">Number of genes.</param>
    internal SparseRows Weights(int genes)
    {
        int stored = (int)_pointers[Cells];
        return new SparseRows(_pointers.AsMemory(0, Cells + 1), _columns.AsMemory(0, stored), _weights.AsMemory(0, stored), genes, 0, Cells);
    }

    /// <summary>Forgets all cells.</summary>
    internal void Clear() => Cells = 0;

    /// <summary>Appends a cell.</summary>
    /// <param name="columns">Its genes, from 0.</param>
    /// <param name="weights">Their weights.</param>
    /// <param name="scale">Weights are multiplied by it.</param>
    /// <param name="evidence">Its row of evidence.</param>
    /// <param name="depth">Its depth.</param>
    internal void Append(ReadOnlySpan<int> columns, ReadOnlySpan<double> weights, double scale, ReadOnlySpan<float> evidence, double depth)
    {
        int start = (int)_pointers[Cells];
        Grow(ref _pointers, Cells + 2);
        Grow(ref _columns, start + columns.Length);
        Grow(ref _weights, start + columns.Length);
        Grow(ref _evidence, (Cells + 1) * evidence.Length);
        Grow(ref _depths, Cells + 1);
        _depths[Cells] = depth;
        columns.CopyTo(_columns.AsSpan(start));
        for (int i = 0; i < columns.Length; i++) _weights[start + i] = (float)(weights[i] * scale);
        evidence.CopyTo(_evidence.AsSpan(Cells * evidence.Length));
        _pointers[++Cells] = start + columns.Length;
    }

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length) Array.Resize(ref array, Math.Max(length, 2 * array.Length));
    }
}

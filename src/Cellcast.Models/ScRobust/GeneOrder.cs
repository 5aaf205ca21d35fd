using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Which genes of a cell come first when not all are used.</summary>
public enum GeneRanking
{
    /// <summary>Highly unique genes: those that the fewest cells express, ties by name.</summary>
    Hug,
    /// <summary>Those with the highest standard deviation of the values over cells, ties by name.</summary>
    Hvg,
    /// <summary>A random order from the seed, the same for all cells.</summary>
    Random,
}

/// <summary>What a gene order is made from: figures of every gene of a vocabulary over training cells.</summary>
/// <param name="ZeroFraction">Share of the cells in which the gene is zero.</param>
/// <param name="StandardDeviation">Standard deviation of its values, zeros included.</param>
public sealed record GeneStatistics(IReadOnlyList<double> ZeroFraction, IReadOnlyList<double> StandardDeviation)
{
    /// <summary>Figures over some cells.</summary>
    /// <param name="cells">The cells.</param>
    /// <param name="rows">Which of them: training cells only.</param>
    public static GeneStatistics Of(CellSet cells, ReadOnlySpan<int> rows)
    {
        ArgumentNullException.ThrowIfNull(cells);
        int[] chosen = rows.ToArray();
        return Of(cells.Vocabulary.Genes.Count, () => [(cells, chosen)]);
    }

    /// <summary>Figures over cells that are not all in memory.</summary>
    /// <param name="genes">Genes of the vocabulary.</param>
    /// <param name="slabs">All cells in order; called twice.</param>
    internal static GeneStatistics Of(int genes, Func<IEnumerable<CellSet>> slabs) => Of(genes, () => slabs().Select(s => (s, Enumerable.Range(0, s.Count).ToArray())));

    private static GeneStatistics Of(int genes, Func<IEnumerable<(CellSet Cells, int[] Rows)>> parts)
    {
        var expressed = new int[genes];
        var mean = new double[genes];
        var squares = new double[genes];
        int n = 0;
        foreach (var (cells, rows) in parts())
        {
            n += rows.Length;
            foreach (int r in rows)
            {
                var ids = cells.GenesOf(r);
                var values = cells.ValuesOf(r);
                for (int i = 0; i < ids.Length; i++)
                {
                    expressed[ids[i] - GeneVocabulary.FirstGene]++;
                    mean[ids[i] - GeneVocabulary.FirstGene] += values[i];
                }
            }
        }
        n = Math.Max(1, n);
        for (int g = 0; g < genes; g++) mean[g] /= n;
        foreach (var (cells, rows) in parts())
            foreach (int r in rows)
            {
                var ids = cells.GenesOf(r);
                var values = cells.ValuesOf(r);
                for (int i = 0; i < ids.Length; i++)
                {
                    double d = values[i] - mean[ids[i] - GeneVocabulary.FirstGene];
                    squares[ids[i] - GeneVocabulary.FirstGene] += d * d;
                }
            }
        var zero = new double[genes];
        for (int g = 0; g < genes; g++)
        {
            zero[g] = (double)(n - expressed[g]) / n;
            squares[g] = Math.Sqrt((squares[g] + (n - expressed[g]) * mean[g] * mean[g]) / n);
        }
        return new GeneStatistics(zero, squares);
    }
}

/// <summary>An order of all genes of a vocabulary.</summary>
public sealed class GeneOrder
{
    private readonly int[] _genes, _ranks;

    private GeneOrder(int[] genes)
    {
        _genes = genes;
        _ranks = new int[genes.Length + GeneVocabulary.FirstGene];
        for (int r = 0; r < genes.Length; r++) _ranks[genes[r]] = r;
    }

    /// <summary>Place of a gene, from 0.</summary>
    /// <param name="id">Its token id.</param>
    public int RankOf(int id) => _ranks[id];

    /// <summary>Token id of the gene at a place.</summary>
    /// <param name="rank">From 0.</param>
    public int GeneAt(int rank) => _genes[rank];

    /// <summary>The order of a ranking.</summary>
    /// <param name="ranking">Which.</param>
    /// <param name="vocabulary">The genes.</param>
    /// <param name="statistics">Figures of training cells.</param>
    /// <param name="key">Names the random order.</param>
    public static GeneOrder Of(GeneRanking ranking, GeneVocabulary vocabulary, GeneStatistics statistics, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        ArgumentNullException.ThrowIfNull(statistics);
        int n = vocabulary.Genes.Count;
        int[] genes = [.. Enumerable.Range(0, n)];
        if (ranking == GeneRanking.Random) new RandomStream(key).Shuffle<int>(genes);
        else
        {
            var score = ranking == GeneRanking.Hug ? statistics.ZeroFraction : statistics.StandardDeviation;
            Array.Sort(genes, (a, b) => score[a] != score[b] ? score[b].CompareTo(score[a]) : string.CompareOrdinal(vocabulary.Genes[a], vocabulary.Genes[b]));
        }
        for (int i = 0; i < n; i++) genes[i] += GeneVocabulary.FirstGene;
        return new GeneOrder(genes);
    }
}

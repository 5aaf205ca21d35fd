using Cellcast.Analysis.Embedding;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Starts an encoder where its cell vectors are positions along the principal components of the training cells: training goes on from there instead of from chance. A gene's row is a direction
/// common to all genes plus its loadings, in random directions; blocks start as averages. Rows are brought to length 1 by the network, but beside the common direction a small loading stays small.</summary>
internal static class ComponentStart
{
    /// <summary>More of them tell fewer cell types apart: what they add is mostly noise.</summary>
    internal const int Components = 20;

    /// <summary>Loading at which a gene's row is half its own, half common.</summary>
    private const double HalfLoading = 0.1;

    /// <summary>Random part of a row, so that genes without loadings can become different.</summary>
    private const float Noise = 0.01f;

    /// <summary>Changes an encoder with random weights.</summary>
    internal static void Apply(CellEncoder encoder, CellSet cells, ReadOnlySpan<int> training, long seed, ITrainingProgress progress)
    {
        Parameter embedding = encoder.Embedding;
        int genes = cells.Vocabulary.Genes.Count, hidden = embedding.Columns, count = Math.Min(Math.Min(Components, hidden - 2), Math.Min(training.Length - 1, genes));
        if (count < 1) return;
        progress.Message($"the encoder starts from {count} principal components of the training cells.");
        PrincipalComponents found = PrincipalComponents.Fit(MatrixOf(cells, training), count, seed);
        var key = RandomKey.From(seed, "scrobust start");
        var directions = new float[(count + 1) * hidden];
        RandomFill.Normal(key, directions);
        Orthogonalize(directions, hidden);
        ReadOnlySpan<float> common = directions.AsSpan(count * hidden);
        for (int g = 0; g < genes; g++)
        {
            var row = embedding.Span.Slice((GeneVocabulary.FirstGene + g) * hidden, hidden);
            for (int c = 0; c < hidden; c++) row[c] = Noise * row[c] + common[c];
            for (int k = 0; k < count; k++)
            {
                float strength = (float)(found.Loading(g, k) / HalfLoading);
                for (int c = 0; c < hidden; c++) row[c] += strength * directions[k * hidden + c];
            }
        }
        encoder.StartAsAverage();
    }

    /// <summary>Rows become orthogonal to one another and to the constant, which the network takes out, and as long as random ones are (Gram and Schmidt).</summary>
    private static void Orthogonalize(Span<float> rows, int columns)
    {
        for (int r = 0; r * columns < rows.Length; r++)
        {
            var row = rows.Slice(r * columns, columns);
            double mean = 0, squares = 0;
            foreach (float v in row) mean += v / columns;
            foreach (ref float v in row) v -= (float)mean;
            for (int other = 0; other < r; other++)
            {
                var before = rows.Slice(other * columns, columns);
                double along = 0;
                for (int c = 0; c < columns; c++) along += (double)row[c] * before[c] / columns;
                for (int c = 0; c < columns; c++) row[c] -= (float)along * before[c];
            }
            foreach (float v in row) squares += (double)v * v;
            float factor = (float)Math.Sqrt(columns / squares);
            foreach (ref float v in row) v *= factor;
        }
    }

    /// <summary>Logged values of some cells, cells x genes.</summary>
    internal static SparseMatrix MatrixOf(CellSet cells, ReadOnlySpan<int> rows)
    {
        var pointers = new long[rows.Length + 1];
        for (int i = 0; i < rows.Length; i++) pointers[i + 1] = pointers[i] + cells.GenesOf(rows[i]).Length;
        var indices = new int[pointers[^1]];
        var values = new float[indices.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            var ids = cells.GenesOf(rows[i]);
            var relative = cells.ValuesOf(rows[i]);
            for (int k = 0; k < ids.Length; k++)
            {
                indices[pointers[i] + k] = ids[k] - GeneVocabulary.FirstGene;
                values[pointers[i] + k] = relative[k] * cells.ScaleOf(rows[i]);
            }
        }
        return new SparseMatrix(rows.Length, cells.Vocabulary.Genes.Count, pointers, indices, values);
    }
}

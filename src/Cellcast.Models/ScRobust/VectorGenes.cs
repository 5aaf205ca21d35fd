using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Settings of <see cref="VectorGenes"/>.</summary>
public sealed record VectorGenesOptions
{
    /// <summary>How cells are embedded; usually as the network makes vectors, where a gene's effect is its own, not weighed against the scatter of others.</summary>
    public EmbeddingOptions Embedding { get; init; } = new() { Mapped = false };

    /// <summary>Most cells that are looked at in the group, and as many in the reference.</summary>
    public int CellsPerGroup { get; init; } = 300;

    /// <summary>Genes are left out one at a time where at least this share of the cells of one of the two groups expresses them.</summary>
    public double MinimumShare { get; init; } = 0.1;

    /// <summary>Seed of the choice of cells.</summary>
    public long Seed { get; init; }
}

/// <summary>What one gene does to cell vectors.</summary>
/// <param name="Gene">Its name.</param>
/// <param name="Pull">Mean effect over all cells looked at, 0 in those that do not express it: by how much of the distance from the reference's centre to the group's it moves a cell on average. Positive towards
/// the group.</param>
/// <param name="Effect">Mean effect over the cells that express it.</param>
/// <param name="Cells">How many those are.</param>
/// <param name="Towards">Those that it moves towards the group.</param>
/// <param name="Score">The sign test's z: positive where more cells are moved towards the group than away from it.</param>
/// <param name="PValue">Exact two-sided p-value of the sign test.</param>
/// <param name="QValue">Adjusted over the genes (Benjamini and Hochberg).</param>
/// <param name="Share">Share of the cells of the group that express it.</param>
/// <param name="ReferenceShare">Share of the cells of the reference.</param>
public sealed record VectorGene(string Gene, double Pull, double Effect, int Cells, int Towards, double Score, double PValue, double QValue, double Share, double ReferenceShare);

/// <summary>Which genes set a group of cells apart in the space of the vectors: every gene of a cell is left out once and the vector computed again. The change of the vector's place on the line from the
/// reference's centre to the group's, in units of their distance, is the gene's effect in this cell; it is the exact change, not a linear estimate.</summary>
/// <remarks>The line for one half of the cells comes from the other half, so that no cell is measured along a line that it helped to draw. As many cells are taken from the group as from the reference: a gene that
/// says nothing dilutes the others, which moves cells of both towards the middle, and that cancels.</remarks>
public sealed class VectorGenes
{
    private const int TokensPerBatch = 32_768;
    private const string Stage = "leave one gene out";

    // Share of false discoveries among the genes that are listed as moving cells in one direction.
    private const double FalseDiscoveries = 0.05;

    private readonly Device _device;
    private readonly ScRobustModel _model;
    private readonly CellSet _cells;
    private readonly VectorGenesOptions _options;
    private readonly int[] _rows, _candidates;
    private readonly bool[] _inGroup, _firstHalf;
    private readonly int _half;
    private readonly float[] _effects;
    private readonly TokenBatch _batch = new();
    private readonly Tape _tape;

    private VectorGenes(Device device, ScRobustModel model, CellSet cells, ReadOnlySpan<int> group, ReadOnlySpan<int> reference, VectorGenesOptions options)
    {
        (_device, _model, _options) = (device, model, options);
        RandomKey key = RandomKey.From(options.Seed, "scrobust genes of vectors");
        _half = Math.Min(options.CellsPerGroup, Math.Min(group.Length, reference.Length));
        int[] mine = Chosen(group, key.Split("group")), theirs = Chosen(reference, key.Split("reference"));
        _rows = [.. mine, .. theirs];
        _inGroup = [.. _rows.Select((_, i) => i < mine.Length)];
        _firstHalf = [.. _rows.Select((_, i) => (i < mine.Length ? i : i - mine.Length) % 2 == 0)];
        _candidates = Candidates(cells);
        _cells = cells.In(model.OrderOf(options.Embedding.Order, cells, options.Embedding.Seed));
        _effects = new float[checked(_rows.Length * _candidates.Length)];
        _tape = new Tape(device, recordGradients: false);
    }

    /// <summary>Finds the genes.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="model">The encoder.</param>
    /// <param name="cells">The cells, on its vocabulary.</param>
    /// <param name="group">Cells of the group, at least four.</param>
    /// <param name="reference">Cells to compare with, at least four, none in common.</param>
    /// <param name="options">Settings.</param>
    /// <param name="store">Where checkpoints go.</param>
    /// <param name="resume">The last checkpoint of an interrupted run with the same cells and settings, or null.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Checked between cells; a checkpoint is kept.</param>
    /// <returns>Genes that move cells towards the group at 5 % false discoveries, then those without a clear direction, then those that move them towards the reference; each by falling pull.</returns>
    /// <exception cref="InputException">A group has fewer than four cells, or the checkpoint belongs to another run.</exception>
    public static IReadOnlyList<VectorGene> Find(Device device, ScRobustModel model, CellSet cells, ReadOnlySpan<int> group, ReadOnlySpan<int> reference, VectorGenesOptions options, ICheckpointStore store,
        Snapshot? resume, ITrainingProgress progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(progress);
        if (Math.Min(group.Length, reference.Length) < 4)
            throw new InputException($"the group has {group.Length} cells and the reference {reference.Length}: at least 4 of each are needed to say which genes move vectors from one to the other.");
        var work = new VectorGenes(device, model, cells, group, reference, options);
        work.LeaveOut(store, resume, progress, cancellation);
        return work.Summarize();
    }

    private void LeaveOut(ICheckpointStore store, Snapshot? resume, ITrainingProgress progress, CancellationToken cancellation)
    {
        string fingerprint = Fingerprint();
        int next = 0;
        if (resume is not null)
        {
            if (resume.Fingerprint != fingerprint) throw new InputException("The checkpoint in this folder belongs to a run with other files or options; give the same ones, or start again with --overwrite.");
            next = resume.Stage - 1;
            resume.Tensors["effects"].Span.CopyTo(_effects);
        }
        void Save(int done)
        {
            var snapshot = new Snapshot { Stage = done + 1, Fingerprint = fingerprint };
            snapshot.Tensors["effects"] = Tensor.From(_effects, _rows.Length, _candidates.Length);
            store.Save(snapshot);
        }

        float[] vectors = Vectors(_rows.Length, _ => -1, i => _rows[i]);
        double[][] lines = [Line(vectors, ofFirstHalf: false), Line(vectors, ofFirstHalf: true)];
        int[] place = new int[_model.Vocabulary.Count];
        Array.Fill(place, -1);
        for (int g = 0; g < _candidates.Length; g++) place[_candidates[g]] = g;
        var since = System.Diagnostics.Stopwatch.StartNew();
        for (; next < _rows.Length; next++)
        {
            if (cancellation.IsCancellationRequested)
            {
                Save(next);
                cancellation.ThrowIfCancellationRequested();
            }
            int cell = _rows[next];
            int[] genes = [.. _cells.GenesOf(cell).ToArray().Where(g => place[g] >= 0)];
            double[] line = _firstHalf[next] ? lines[0] : lines[1];
            double whole = Dot(vectors, next, line);
            float[] without = Vectors(genes.Length, i => genes[i], _ => cell);
            for (int i = 0; i < genes.Length; i++) _effects[next * _candidates.Length + place[genes[i]]] = (float)(whole - Dot(without, i, line));
            progress.Report(new TrainingUpdate(Stage, 0, 0) { Step = next + 1, StepsPerEpoch = _rows.Length });
            if (since.Elapsed < store.Interval) continue;
            Save(next + 1);
            since.Restart();
        }
    }

    /// <summary>Vectors of cells without a gene, as many as are asked for: count x hidden.</summary>
    private float[] Vectors(int count, Func<int, int> without, Func<int, int> cell)
    {
        int hidden = _model.Encoder.Size.Hidden;
        var vectors = new float[checked(count * hidden)];
        Padding padding = _options.Embedding.Padding ?? _model.Padding;
        int genes = _options.Embedding.GenesWith(padding);
        for (int i = 0, first = 0; i < count; i++)
        {
            CellTokenizer.AppendWithout(_batch, _cells, cell(i), without(i), genes, padding);
            if (_batch.Tokens < TokensPerBatch && i + 1 < count) continue;
            var target = vectors.AsSpan(first * hidden, _batch.Sequences * hidden);
            _model.Vectors(_tape, _batch, _options.Embedding, target);
            _batch.Clear();
            first = i + 1;
        }
        return vectors;
    }

    /// <summary>What turns a vector into its place on the line from the reference's centre (up to a constant) to the group's, by one half of the cells.</summary>
    private double[] Line(float[] vectors, bool ofFirstHalf)
    {
        int hidden = _model.Encoder.Size.Hidden;
        double[] line = new double[hidden];
        int[] size = new int[2];
        for (int i = 0; i < _rows.Length; i++)
            if (_firstHalf[i] == ofFirstHalf) size[_inGroup[i] ? 1 : 0]++;
        for (int i = 0; i < _rows.Length; i++)
            if (_firstHalf[i] == ofFirstHalf)
                for (int c = 0; c < hidden; c++) line[c] += (_inGroup[i] ? 1.0 / size[1] : -1.0 / size[0]) * vectors[i * hidden + c];
        double squares = 0;
        foreach (double v in line) squares += v * v;
        for (int c = 0; c < hidden && squares > 0; c++) line[c] /= squares;
        return line;
    }

    private IReadOnlyList<VectorGene> Summarize()
    {
        int n = _rows.Length, genes = _candidates.Length;
        var found = new VectorGene[genes];
        var p = new double[genes];
        for (int g = 0; g < genes; g++)
        {
            int inGroup = 0, inReference = 0, towards = 0, away = 0;
            double sum = 0;
            for (int i = 0; i < n; i++)
            {
                if (_cells.GenesOf(_rows[i]).IndexOf(_candidates[g]) < 0) continue;
                double e = _effects[i * genes + g];
                if (_inGroup[i]) inGroup++;
                else inReference++;
                sum += e;
                if (e > 0) towards++;
                if (e < 0) away++;
            }
            p[g] = SignTest.TwoSided(towards, away);
            found[g] = new VectorGene(_model.Vocabulary.Genes[_candidates[g] - GeneVocabulary.FirstGene], sum / n, sum / Math.Max(1, inGroup + inReference), inGroup + inReference, towards,
                (towards - away) / Math.Sqrt(Math.Max(1, towards + away)), p[g], 0, (double)inGroup / _half, (double)inReference / _half);
        }
        double[] q = MultipleTesting.BenjaminiHochberg(p);
        for (int g = 0; g < genes; g++) found[g] = found[g] with { QValue = q[g] };
        return [.. found.OrderByDescending(f => f.QValue < FalseDiscoveries ? Math.Sign(f.Score) : 0).ThenByDescending(f => f.Pull).ThenBy(f => f.Gene, StringComparer.Ordinal)];
    }

    private int[] Chosen(ReadOnlySpan<int> rows, RandomKey key)
    {
        int[] all = rows.ToArray();
        if (all.Length > _half)
        {
            new RandomStream(key).Shuffle<int>(all);
            all = all[.._half];
        }
        Array.Sort(all);
        return all;
    }

    private int[] Candidates(CellSet cells)
    {
        int[] mine = new int[cells.Vocabulary.Count], theirs = new int[cells.Vocabulary.Count];
        for (int i = 0; i < _rows.Length; i++)
            foreach (int g in cells.GenesOf(_rows[i])) (_inGroup[i] ? mine : theirs)[g]++;
        return [.. Enumerable.Range(0, mine.Length).Where(g => Math.Max(mine[g], theirs[g]) >= Math.Max(1, _options.MinimumShare * _half))];
    }

    private static double Dot(float[] vectors, int row, double[] line)
    {
        double sum = 0;
        for (int c = 0; c < line.Length; c++) sum += vectors[row * line.Length + c] * line[c];
        return sum;
    }

    private string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{_options}\n{string.Join('\n', _model.Vocabulary.Genes)}\n")));
        hash.AppendData(MemoryMarshal.AsBytes<int>(_rows));
        foreach (int r in _rows)
        {
            hash.AppendData(MemoryMarshal.AsBytes(_cells.GenesOf(r)));
            hash.AppendData(MemoryMarshal.AsBytes(_cells.ValuesOf(r)));
        }
        foreach (var (_, value) in _model.Encoder.ExportState()) hash.AppendData(MemoryMarshal.AsBytes(value.Span));
        if (_model.VectorMap is { } map)
        {
            hash.AppendData(MemoryMarshal.AsBytes(map.Weights));
            hash.AppendData(MemoryMarshal.AsBytes(map.Centre));
            hash.AppendData(MemoryMarshal.AsBytes<float>([map.Bound]));
        }
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}

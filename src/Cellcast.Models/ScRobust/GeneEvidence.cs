using Cellcast.Analysis.Baselines;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;

namespace Cellcast.Models.ScRobust;

/// <summary>
/// What the genes of a cell say about its class by themselves: evidence from class profiles, which loses little when genes are missing, through a linear layer that starts as the identity; and a linear layer
/// on the genes' weights log(1 + count) that starts at zero and learns what profiles miss. The weights are over a fixed length, not over that of the cell: with genes lost this part fades, the profiles stay.
/// While training, a cell's own genes are left out of the profiles, so that the layer sees evidence as good as that of new cells. When labels are given, what was learned beside the profiles fades with
/// the cell's depth (<see cref="Combine"/>): it was learned from cells of all depths together, and evidence shrinks with the root of the number of genes.
/// </summary>
internal sealed class GeneEvidence : Module
{
    /// <summary>Name of the log odds in weight files, genes x classes.</summary>
    internal const string LogOddsName = "evidence.log_odds";

    /// <summary>Name of the fixed length in weight files, one number.</summary>
    internal const string LengthName = "evidence.length";

    // Adam moves all weights by the learning rate: linear layers on inputs so much larger learn so much faster than the encoder.
    private const float Scale = 25;
    private const double GeneScale = 3 * Scale;

    private readonly int _classes;
    private readonly ReadOnlyMemory<float> _logOdds;
    private readonly float _length;
    // Cells vary in depth: from this share of the mean length of weights on, nothing fades. Chosen among 0.5, 0.75 and 1.
    private const double WholeCell = 0.75;
    private readonly bool _fades;
    private readonly Parameter _weight, _geneWeights;
    private readonly double[] _evidence;
    private readonly float[] _row;
    private double[] _weights = [], _own = [];
    private int[] _columns = [];
    private float[] _values = [];

    /// <param name="classes">Number of classes.</param>
    /// <param name="logOdds">Log odds of the genes, genes x classes.</param>
    /// <param name="length">Root of the summed squares of the weights of a usual cell.</param>
    /// <param name="fades">Whether what was learned fades with the depth of a cell; false for classifiers of schema 2, whose weights were moreover made of the values of tokens, also where these are relative.</param>
    internal GeneEvidence(int classes, ReadOnlyMemory<float> logOdds, float length, bool fades)
    {
        (_classes, _logOdds, _length, _fades, _evidence, _row) = (classes, logOdds, length, fades, new double[classes], new float[classes + 1]);
        // The last column is the intercept.
        _weight = Register(new Parameter("evidence.weight", classes, classes + 1));
        for (int k = 0; k < classes; k++) _weight.Span[k * (classes + 1) + k] = 1 / Scale;
        _geneWeights = Register(new Parameter("evidence.gene_weights", logOdds.Length / classes, classes));
    }

    /// <summary>Log odds of every gene of the vocabulary for every class.</summary>
    internal Tensor LogOdds => Tensor.From(_logOdds.Span, _logOdds.Length / _classes, _classes);

    /// <summary>The fixed length.</summary>
    internal Tensor Length => Tensor.From([_length]);

    /// <summary>Whether what was learned fades with the depth of a cell.</summary>
    internal bool Fades => _fades;

    /// <summary>Profiles of labelled cells, and the mean length of the cells' weights.</summary>
    internal static (ClassProfiles Profiles, float Length) ProfilesOf(CellSet cells, int[] labels, int classes)
    {
        var builder = new ClassProfiles.Builder(cells.Vocabulary.Genes.Count, classes);
        int[] columns = [];
        double[] weights = [];
        float[] values = [];
        double length = 0;
        for (int c = 0; c < cells.Count; c++)
        {
            int n = Prepare(cells.GenesOf(c), cells.LogValuesOf(c, ref values), ref columns, ref weights);
            builder.Add(columns.AsSpan(0, n), weights.AsSpan(0, n), labels[c]);
            double squares = 0;
            for (int i = 0; i < n; i++) squares += weights[i] * weights[i];
            length += Math.Sqrt(squares) / cells.Count;
        }
        return (builder.Build(), (float)Math.Max(length, 1e-6));
    }

    /// <summary>Appends a cell.</summary>
    /// <param name="batch">Appended to.</param>
    /// <param name="cells">The cells.</param>
    /// <param name="cell">Which.</param>
    internal void Append(EvidenceBatch batch, CellSet cells, int cell) => Append(batch, cells.GenesOf(cell), _fades ? cells.LogValuesOf(cell, ref _values) : cells.ValuesOf(cell));

    /// <summary>Appends a cell.</summary>
    /// <param name="batch">Appended to.</param>
    /// <param name="genes">Token ids of its genes.</param>
    /// <param name="values">log(1 + scaled count) of each.</param>
    internal void Append(EvidenceBatch batch, ReadOnlySpan<int> genes, ReadOnlySpan<float> values)
    {
        int n = Prepare(genes, values, ref _columns, ref _weights);
        ClassProfiles.Evidence(_logOdds.Span, _columns.AsSpan(0, n), _weights.AsSpan(0, n), _evidence);
        Append(batch, n);
    }

    /// <summary>Appends a cell that is part of the profiles, as if it were not.</summary>
    /// <param name="batch">Appended to.</param>
    /// <param name="profiles">From <see cref="ProfilesOf"/>.</param>
    /// <param name="genes">Token ids of its genes.</param>
    /// <param name="values">log(1 + scaled count) of each.</param>
    /// <param name="label">Its class.</param>
    /// <param name="left">What is left of it.</param>
    internal void AppendWithout(EvidenceBatch batch, ClassProfiles profiles, ReadOnlySpan<int> genes, ReadOnlySpan<float> values, int label, CellThinning left)
    {
        int all = Prepare(genes, values, ref _columns, ref _own);
        double total = 0;
        for (int i = 0; i < all; i++) total += _own[i];
        // Places ascend, so that nothing is overwritten before it is read.
        for (int i = 0; i < left.Places.Length; i++) _own[i] = _own[left.Places[i]];
        int n = Prepare(left.Genes, left.Values, ref _columns, ref _weights);
        profiles.EvidenceWithout(_columns.AsSpan(0, n), _weights.AsSpan(0, n), _own.AsSpan(0, n), total, label, _evidence);
        Append(batch, n);
    }

    /// <summary>Logits of the classes while training.</summary>
    /// <param name="tape">Where operations are recorded.</param>
    /// <param name="batch">The cells; not to be changed before the backward pass.</param>
    internal Tensor Forward(Tape tape, EvidenceBatch batch) => Op.Add(OfProfiles(tape, batch), OfGenes(tape, batch));

    /// <summary>Logits of the classes when labels are given: with the depth d of a cell (length of its weights over three quarters of that of the mean training cell, at most 1) its head and profile layer count d times,
    /// and its evidence as it is, which is naive Bayes, 2 (1 - d) times. So a whole cell gets the logits of training, and a cell with next to no genes the call of naive Bayes.</summary>
    /// <param name="tape">Where operations happen.</param>
    /// <param name="head">What the head makes of the cell vectors: cells x classes.</param>
    /// <param name="batch">The cells.</param>
    /// <param name="logits">cells x classes, filled.</param>
    internal void Combine(Tape tape, Tensor head, EvidenceBatch batch, Span<double> logits)
    {
        ReadOnlySpan<float> vectors = head.Span, profiles = OfProfiles(tape, batch).Span, genes = OfGenes(tape, batch).Span, evidence = batch.Evidence(_classes + 1);
        for (int i = 0; i < batch.Cells; i++)
        {
            double depth = _fades ? batch.Depths[i] : 1;
            for (int k = 0; k < _classes; k++)
            {
                int at = i * _classes + k;
                logits[at] = depth * (vectors[at] + profiles[at]) + genes[at] + 2 * (1 - depth) * (evidence[i * (_classes + 1) + k] / Scale);
            }
        }
    }

    private Tensor OfProfiles(Tape tape, EvidenceBatch batch) => Op.Linear(tape.Input(batch.Evidence(_classes + 1), batch.Cells, _classes + 1), tape.Use(_weight));

    private Tensor OfGenes(Tape tape, EvidenceBatch batch) => Op.SparseLinear(tape, batch.Weights(_geneWeights.Rows), default, tape.Use(_geneWeights));

    private void Append(EvidenceBatch batch, int genes)
    {
        for (int k = 0; k < _classes; k++) _row[k] = (float)_evidence[k] * Scale;
        _row[_classes] = Scale;
        double squares = 0;
        for (int i = 0; i < genes; i++) squares += _weights[i] * _weights[i];
        batch.Append(_columns.AsSpan(0, genes), _weights.AsSpan(0, genes), GeneScale / _length, _row, Math.Min(1, Math.Sqrt(squares) / (WholeCell * _length)));
    }

    private static int Prepare(ReadOnlySpan<int> genes, ReadOnlySpan<float> values, ref int[] columns, ref double[] weights)
    {
        if (columns.Length < genes.Length) columns = new int[genes.Length];
        if (weights.Length < genes.Length) weights = new double[genes.Length];
        for (int i = 0; i < genes.Length; i++) columns[i] = genes[i] - GeneVocabulary.FirstGene;
        ClassProfiles.Weights(values, weights);
        return genes.Length;
    }
}

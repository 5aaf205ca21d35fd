using System.Numerics;
using System.Runtime.InteropServices;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Simulation;

/// <summary>Makes reference cells in blocks of rows. A cell depends on the seed and its number only, so any block can be made at any time, on any thread,
/// and a file of a million cells never has to be in memory.</summary>
/// <remarks>Counts are gamma-Poisson (negative binomial) with one dispersion, drawn exactly in time proportional to the counts and not to the genes:
/// a negative binomial with mean m and size r is a Poisson(r ln(1 + m / r)) number of groups with logarithmic sizes (Quenouille 1949); groups
/// are proposed gene by gene from an alias table under an upper bound of their rate and thinned.</remarks>
internal sealed class CellSimulator
{
    private const double DepthSpread = 0.45;

    private readonly SimulationParameters _parameters;
    private readonly CellPopulation _population;
    private readonly RandomKey _key;
    private readonly AliasTable _types;
    private readonly double[][] _efficiency;
    private readonly Proposal[,] _proposals;

    internal CellSimulator(SimulationParameters parameters, CellPopulation population, RandomKey key)
    {
        _parameters = parameters;
        _population = population;
        _key = key;
        _types = new AliasTable(population.Abundance);
        _efficiency = new double[parameters.Samples][];
        for (int j = 0; j < parameters.Samples; j++)
        {
            var random = new RandomStream(key.Split("batch").Split(j));
            _efficiency[j] = new double[parameters.Genes];
            for (int g = 0; g < parameters.Genes; g++) _efficiency[j][g] = Math.Exp(parameters.BatchEffect * random.NextNormal());
        }
        _proposals = new Proposal[population.Types.Length, parameters.Samples];
        for (int k = 0; k < population.Types.Length; k++)
            for (int j = 0; j < parameters.Samples; j++)
                _proposals[k, j] = new Proposal(population, k, _efficiency[j]);
    }

    /// <summary>Makes the cells from number <paramref name="first"/> on.</summary>
    internal CellBlock Generate(int first, int count)
    {
        var block = new CellBlock(count);
        var scratch = new Scratch(_parameters.Genes);
        for (int i = 0; i < count; i++) AddCell(block, i, first + i, scratch);
        return block;
    }

    /// <summary>What a cell is, without its counts.</summary>
    internal (int Type, int Sample, double State) Identity(int cell) => Begin(cell, new RandomStream(_key.Split("cell").Split(cell)));

    private (int Type, int Sample, double State) Begin(int cell, RandomStream random)
    {
        // The first cells go round the types, so that none is absent from a small reference.
        int types = _population.Types.Length, type = _types.Draw(random);
        if (cell < Math.Min(3 * types, _parameters.Cells / types * types)) type = cell % types;
        return (type, random.NextInt32(_parameters.Samples), random.NextUniform());
    }

    private void AddCell(CellBlock block, int row, int cell, Scratch scratch)
    {
        var random = new RandomStream(_key.Split("cell").Split(cell));
        var (type, sample, state) = Begin(cell, random);
        double depth = _parameters.CellDepth * Math.Exp(DepthSpread * random.NextNormal());

        var proposal = _proposals[type, sample];
        double unit = depth / proposal.Modulate(_population, type, state, scratch.Modulation);
        long groups = random.NextPoisson(unit * proposal.Table.Total);
        for (long i = 0; i < groups; i++)
        {
            int gene = proposal.Table.Draw(random);
            double mean = unit * proposal.Rate[gene], keep = 1;
            int follower = proposal.Follower[gene];
            if (follower >= 0)
            {
                keep = scratch.Modulation[follower] / proposal.Envelope[follower];
                mean *= scratch.Modulation[follower];
            }
            double x = mean * _parameters.CellDispersion;
            keep *= x < 1e-4 ? 1 - 0.5 * x : Math.Log(1 + x) / x;
            if (random.NextUniform() >= keep) continue;
            scratch.Add(gene, x < 1e-9 ? 1 : random.Logarithmic(x / (1 + x)));
        }
        // A cell without any count would be no cell.
        if (scratch.IsEmpty) scratch.Add(proposal.Table.Draw(random), 1);
        scratch.MoveTo(block, row);
    }

    /// <summary>Genes proposed for one type in one sample: profile times efficiency, raised by the highest that the gradient can make of it.</summary>
    private sealed class Proposal
    {
        internal Proposal(CellPopulation population, int type, double[] efficiency)
        {
            var profile = population.Profile(type);
            Rate = new double[profile.Length];
            double sum = 0;
            for (int g = 0; g < Rate.Length; g++) sum += Rate[g] = profile[g] * efficiency[g];
            for (int g = 0; g < Rate.Length; g++) Rate[g] /= sum;
            Follower = new int[Rate.Length];
            Array.Fill(Follower, -1);
            var genes = population.GradientGenes(type);
            Envelope = new double[genes.Length];
            double[] bound = [.. Rate];
            for (int j = 0; j < genes.Length; j++)
            {
                Follower[genes[j]] = j;
                Envelope[j] = Math.Exp(Math.Abs(population.GradientSlopes(type)[j]) / 2);
                bound[genes[j]] *= Envelope[j];
            }
            Table = new AliasTable(bound);
        }

        internal AliasTable Table { get; }

        internal double[] Rate { get; }

        /// <summary>Position of a gene among those that follow the gradient, -1 elsewhere.</summary>
        internal int[] Follower { get; }

        internal double[] Envelope { get; }

        /// <summary>Fills the factors of the gradient genes at a state; returns the sum of all rates then.</summary>
        internal double Modulate(CellPopulation population, int type, double state, double[] modulation)
        {
            var genes = population.GradientGenes(type);
            var slopes = population.GradientSlopes(type);
            double sum = 1;
            for (int j = 0; j < genes.Length; j++)
            {
                modulation[j] = Math.Exp(slopes[j] * (state - 0.5));
                sum += Rate[genes[j]] * (modulation[j] - 1);
            }
            return sum;
        }
    }

    /// <summary>Counts of the cell at hand: an array over genes and the set of those touched.</summary>
    private sealed class Scratch(int genes)
    {
        private readonly int[] _counts = new int[genes];
        private readonly ulong[] _touched = new ulong[(genes + 63) / 64];

        internal double[] Modulation { get; } = new double[genes];

        internal bool IsEmpty { get; private set; } = true;

        internal void Add(int gene, int count)
        {
            IsEmpty = false;
            _counts[gene] += count;
            _touched[gene >> 6] |= 1UL << (gene & 63);
        }

        /// <summary>Appends the counts as a row, genes rising, and starts anew.</summary>
        internal void MoveTo(CellBlock block, int row)
        {
            for (int w = 0; w < _touched.Length; w++)
            {
                for (ulong bits = _touched[w]; bits != 0; bits &= bits - 1)
                {
                    int gene = (w << 6) + BitOperations.TrailingZeroCount(bits);
                    block.Indices.Add(gene);
                    block.Values.Add(_counts[gene]);
                    _counts[gene] = 0;
                }
                _touched[w] = 0;
            }
            block.RowEnds[row] = block.Indices.Count;
            IsEmpty = true;
        }
    }
}

/// <summary>Counts of a block of simulated cells.</summary>
internal sealed class CellBlock(int cells)
{
    /// <summary>Number of entries up to the end of each row.</summary>
    internal int[] RowEnds { get; } = new int[cells];

    internal List<int> Indices { get; } = [];

    internal List<float> Values { get; } = [];

    internal void AppendTo(RowBlock rows)
    {
        int start = 0;
        foreach (int end in RowEnds)
        {
            rows.Append(CollectionsMarshal.AsSpan(Indices)[start..end], CollectionsMarshal.AsSpan(Values)[start..end]);
            start = end;
        }
    }
}

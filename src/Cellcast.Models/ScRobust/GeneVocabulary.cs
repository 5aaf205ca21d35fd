using Cellcast.AnnData;

namespace Cellcast.Models.ScRobust;

/// <summary>Token ids: five special ones, then genes by name.</summary>
public sealed class GeneVocabulary
{
    /// <summary>Id of PAD, which the published models do not use.</summary>
    public const int Pad = 0;

    /// <summary>Id of SEP, which serves as the cell token (CLS is unused).</summary>
    public const int CellToken = 1;

    /// <summary>Value of the cell token.</summary>
    public const float CellTokenValue = 1;

    /// <summary>Id of genes that are not known.</summary>
    public const int Unknown = 2;

    /// <summary>Id of CLS, unused.</summary>
    public const int Cls = 3;

    /// <summary>Id of MASK, which the published code pads with, at value 0.</summary>
    public const int Mask = 4;

    /// <summary>Id of the first gene.</summary>
    public const int FirstGene = 5;

    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    /// <summary>A vocabulary of genes.</summary>
    /// <param name="genes">Names in the order of their ids, each once.</param>
    /// <exception cref="ArgumentException">A name is repeated.</exception>
    public GeneVocabulary(IReadOnlyList<string> genes)
    {
        ArgumentNullException.ThrowIfNull(genes);
        Genes = genes;
        for (int g = 0; g < genes.Count; g++)
            if (!_ids.TryAdd(genes[g], FirstGene + g)) throw new ArgumentException($"the gene '{genes[g]}' is in the vocabulary twice", nameof(genes));
    }

    /// <summary>Gene names; the id of gene g is <see cref="FirstGene"/> + g.</summary>
    public IReadOnlyList<string> Genes { get; }

    /// <summary>Number of ids, special ones included.</summary>
    public int Count => FirstGene + Genes.Count;

    /// <summary>Id of a gene, or -1 where it is not in the vocabulary.</summary>
    /// <param name="gene">Its name.</param>
    public int IdOf(string gene) => _ids.GetValueOrDefault(gene, -1);

    /// <summary>The genes of some files that any of their cells expresses, in ordinal order.</summary>
    /// <param name="files">The files.</param>
    /// <exception cref="InputException">A file has no gene in common with those before it.</exception>
    public static GeneVocabulary Of(IReadOnlyList<NormalizedCells> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        var genes = new SortedSet<string>(StringComparer.Ordinal);
        for (int f = 0; f < files.Count; f++)
        {
            NormalizedCells file = files[f];
            if (f > 0 && !file.Genes.Any(genes.Contains))
                throw new InputException($"'{file.Source}' ({GeneNames.Describe(file.Genes)}) has no gene in common with the files before it ({GeneNames.Describe(files[0].Genes)}); give all files the same kind of gene names, and for another species --uppercase.");
            var expressed = new bool[file.Genes.Length];
            foreach (int g in file.Values.Indices) expressed[g] = true;
            for (int g = 0; g < expressed.Length; g++)
                if (expressed[g]) genes.Add(file.Genes[g]);
        }
        if (genes.Count == 0) throw new InputException($"'{files[0].Source}': no cell expresses any gene.");
        return new GeneVocabulary([.. genes]);
    }
}

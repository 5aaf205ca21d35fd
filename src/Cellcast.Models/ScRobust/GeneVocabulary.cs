namespace Cellcast.Models.ScRobust;

/// <summary>Token ids: five special ones, then genes.</summary>
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
}

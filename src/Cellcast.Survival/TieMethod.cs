namespace Cellcast.Survival;

/// <summary>How deaths at the same time enter the partial likelihood.</summary>
public enum TieMethod
{
    /// <summary>Efron (1977): the k-th of d tied deaths sees the risk set less k/d of the tied ones. The better approximation.</summary>
    Efron,

    /// <summary>Breslow (1974): every tied death sees the whole risk set.</summary>
    Breslow,
}

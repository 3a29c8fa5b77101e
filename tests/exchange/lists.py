"""Sample lists in the default dialect."""
from uscc import code


def certified(i, **changes):
    """Firm i of a list, certified without end."""
    return {"uscc": code(i), "name": f"山西示例第{i}号有限公司", "regionCode": "140105", "industryCode": "C2669", "scale": "3",
            "level": "省级", "batch": "2026-1", "documentNo": "晋民营发〔2026〕1号", "certifiedOn": "2026-03-01", "status": "certified", **changes}


def firms(n, **changes):
    return [certified(i, **changes) for i in range(n)]
